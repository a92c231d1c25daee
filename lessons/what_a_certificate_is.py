# Open it with `marimo run lessons/what_a_certificate_is.py` (or `marimo edit` to see the code),
# after `pip install "flowcert[lessons]"`.

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="What a certificate is")

with app.setup:
    import subprocess
    import sys
    import tempfile
    from collections.abc import Callable, Iterable
    from fractions import Fraction

    import marimo as mo
    import matplotlib.figure
    import numpy as np
    import torch
    from torch import nn
    from torch.nn.utils.parametrizations import spectral_norm

    from flowcert.figures import styling
    from flowcert.networks.certify import Certifier
    from flowcert.theory import bounds
    from flowcert.theory.certificate import (
        Certificate,
        CheckResult,
        Derivation,
        Graph,
        Node,
        check_certificate,
        derive,
        hash_weights,
    )
    from flowcert.theory.certificate.radius import certified_radius
    from flowcert.theory.spectral import bound_convolution, bound_dense

    # The same colour means the same throughout; safe for colour-blind eyes.
    ESTIMATE, BOUND, FOUND, TRUTH = "#D55E00", "#0072B2", "#009E73", "#222222"
    WEIGHTS = np.array([[1.0, 0.3], [0.5, 1.0], [-1.0, -0.8]])  # of the classifier of part 1
    GROWTH = 20  # layers of part 2
    PIXELS = 16  # of the images of parts 3 and 6
    PAIRS, PLACE = 10_000, 0.3125  # of part 4: how many, and where the bump is
    CLASSIFIERS, INPUTS = 200, 16  # of part 5
    ROWS = np.array([[0.8, 0.6], [-0.36, 0.48]])  # of part 7: singular values 1 and 0.6
    WIDTH, DEPTHS = 12, (1, 2, 3, 4)  # of part 8
    certify = Certifier()  # what ``from flowcert.networks import certify`` gives, kept apart


@app.cell(hide_code=True)
def _():
    px_slider = slider(-2.0, 2.0, 0.05, 1.2, "$x_1$")
    py_slider = slider(-2.0, 2.0, 0.05, -0.1, "$x_2$")
    mo.md(rf"""
    # What a certificate is, and how an estimate lies

    “This network is 1-Lipschitz.” How do they know? Mostly from a number that a program printed. This
    lesson is about what stands behind such numbers. **Orange** is an estimate, **blue** a bound
    that holds for certain, **green** something found that anybody can verify, black the truth.

    ## 1. What a Lipschitz constant buys

    $L$ is a Lipschitz constant of $f$ if $|f(x) - f(y)| \le L\,|x - y|$ for all inputs. A classifier buys
    **safety** with it. Let class $k$ win at $x$ by the margins $m_j = f_k(x) - f_j(x)$. Where the input moves by
    $r$, the logits move by at most $Lr$, and the difference of two of them by at most $\sqrt2\,Lr$: closer than
    $\min_j m_j/(\sqrt2\,L)$ every input has the same class. If the last layer is linear with rows $w_j$, on
    features of constant $L_1$, the *pairwise rule* takes $L_1\|w_k - w_j\|$ in place of $\sqrt2\,L$. Move the point.

    {px_slider} {py_slider}
    """)
    return px_slider, py_slider


@app.cell(hide_code=True)
def _(px_slider, py_slider):
    plane = radii_in_the_plane(np.array([px_slider.value, py_slider.value]))

    def _draw(axes):
        side = np.linspace(-3, 3, 301)
        grid = np.stack(np.meshgrid(side, side), axis=-1)
        axes.contourf(side, side, np.argmax(grid @ WEIGHTS.T, axis=-1), 2, cmap="Greys", alpha=0.3)
        turn = np.exp(2j * np.pi * np.linspace(0, 1, 200))
        for radius, dashes in ((plane["plain"], "--"), (plane["pairwise"], "-")):
            label = f"{'pairwise rule' if dashes == '-' else 'margin / (√2 L)'}: {radius:.3f}"
            ring = radius * turn
            axes.plot(
                px_slider.value + ring.real,
                py_slider.value + ring.imag,
                dashes,
                color=BOUND,
                label=label,
            )
        axes.plot(px_slider.value, py_slider.value, "o", color=TRUTH)
        axes.set(aspect="equal", xlim=(-3, 3), ylim=(-3, 3), xlabel="$x_1$", ylabel="$x_2$")
        styling.name_panel(axes, "a", "three classes, and two certified discs")

    picture("Three classes in the plane, a point and its discs.", _draw)
    return (plane,)


@app.cell(hide_code=True)
def _():
    iterations_slider = slider(1, 60, 1, 5, "iterations")
    mo.md(rf"""
    For a linear classifier the pairwise disc touches the border: it is exact. And if $L$ is **too small**? Then the
    disc is too large, and the promise is broken where nobody looks.

    ## 2. The estimate that comes from below

    The norm of $W$ is its largest stretch $|Wv|/|v|$. *Power iteration* applies $W$ and $W^T$ in turn to some random
    $v$. Every value on the way is the stretch of *one* vector: it approaches the norm **from below**, and
    the layer divided by it still expands.

    {iterations_slider}
    """)
    return (iterations_slider,)


@app.cell(hide_code=True)
def _(iterations_slider):
    power = power_iteration(iterations_slider.value)

    def _draw(rising, falling):
        k = np.arange(1, len(power["estimates"]) + 1)
        rising.axhspan(power["lower"], power["upper"], color=BOUND, lw=2, label="certified bracket")
        rising.plot(k, power["estimates"], "o-", color=ESTIMATE, label="power iteration")
        rising.set(xlabel="iterations", xlim=(0, 61), ylim=(1.6, 2.05))
        styling.name_panel(rising, "a", "the norm of a random matrix")
        falling.semilogy(k, power["lower"] / power["estimates"] - 1, "o-", color=ESTIMATE)
        falling.set(xlabel="iterations", xlim=(0, 61), ylim=(1e-4, 1))
        styling.name_panel(falling, "b", "norm of the divided layer − 1, at least")

    mo.vstack(
        [
            box(
                "danger",
                f"""### ✗ Divided by the estimate, the layer expands

The norm is in [{power["lower"]:.6f}, {power["upper"]:.6f}], the estimate is {power["estimates"][-1]:.6f}. The divided layer
has a norm of at least **{power["divided"]:.4f}**; {GROWTH} of it in a row stretch some vector **{power["growth"]:.4g}**-fold.""",
            ),
            picture("Estimates rise towards the norm.", _draw, 2),
        ]
    )
    return (power,)


@app.cell(hide_code=True)
def _():
    smooth_slider = slider(0.0, 1.0, 0.01, 0.8, "from a random kernel (0) to a mean (1)")
    mo.md(rf"""
    ## 3. The norm of the wrong matrix

    PyTorch's `spectral_norm`, and many other programs, flatten the kernel of a convolution to a matrix (outputs ×
    everything else) and divide by *its* norm. The layer is another matrix, with rows for every pixel. It
    multiplies a wave of frequency $\theta$ by the gain $|\widehat K(\theta)|$. On a torus its norm is the **largest**
    gain; the flattened norm is, for one channel, only the **root of the mean square** of the gains.

    {smooth_slider}
    """)
    return (smooth_slider,)


@app.cell(hide_code=True)
def _(smooth_slider):
    flattened = flattened_kernel(smooth_slider.value)

    def _draw(kernel, gains):
        kernel.imshow(flattened["kernel"], cmap="PuOr", vmin=-1, vmax=1)
        kernel.set(xticks=[], yticks=[])
        for (i, j), entry in np.ndenumerate(flattened["kernel"]):
            kernel.text(j, i, f"{entry:.2f}", ha="center", va="center")
        styling.name_panel(kernel, "a", "the kernel, divided by its flattened norm")
        image = gains.imshow(
            np.fft.fftshift(flattened["gains"]),
            extent=(-1, 1, -1, 1),
            vmin=0,
            vmax=3,
            cmap="cividis",
        )
        gains.figure.colorbar(image, ax=gains)
        gains.set(xlabel=r"$\theta_1/\pi$", ylabel=r"$\theta_2/\pi$")
        styling.name_panel(gains, "b", "gain at each frequency")

    _words = f"""The flattened norm is {flattened["flat"]:.6f}, the root mean square of the gains
{np.sqrt(np.mean(flattened["gains"] ** 2)):.6f}, the largest gain {np.max(flattened["gains"]):.4f}. On images of {PIXELS} × {PIXELS},
padded with zeros: {bracket(flattened["certificate"])}."""
    mo.vstack(
        [
            box(*judged(flattened["certificate"], "What PyTorch has normalised is", _words)),
            picture("A kernel, and its gains at all frequencies.", _draw, 2),
        ]
    )
    return (flattened,)


@app.cell(hide_code=True)
def _():
    bump_slider = slider(-6.0, -0.5, 0.1, -4.0, "width of the bump, 10 to the")
    mo.md(rf"""
    ## 4. Where nobody looked

    “We measured $|f(x) - f(y)|/|x - y|$ at ten thousand pairs.” This network of three ReLU neurons has slope ½, and
    $8\tfrac12$ on one side of a narrow bump. Make it narrower. *Far* pairs are independent; *near* ones lie a
    millionth apart, which is as good as gradients at random points.

    {bump_slider}
    """)
    return (bump_slider,)


@app.cell(hide_code=True)
def _(bump_slider):
    bump = sample_bump(10.0**bump_slider.value)

    def _draw(graph, seen):
        x = PLACE + bump["width"] * np.arange(-8, 9)
        graph.plot(
            np.arange(-8, 9), (bump["f"](x) - bump["f"](x)[8]) / bump["width"] + 8, color=TRUTH
        )
        graph.set(xlabel=f"(x − {PLACE}) / width", xticks=[-8, -1, 1, 8])
        styling.name_panel(graph, "a", f"the network, magnified {1 / bump['width']:.3g} times")
        for name, dashes in (("far", "-"), ("near", "--")):
            seen.semilogx(
                np.arange(1, PAIRS + 1),
                bump[name],
                dashes,
                color=ESTIMATE,
                lw=3,
                label=f"{name} pairs",
            )
        seen.axhline(8.5, color=TRUTH, label="truth")
        for end, colour in (("lower", FOUND), ("upper", BOUND)):
            seen.axhline(
                getattr(bump["certificate"], end), color=colour, ls=":", label=f"{end} end"
            )
        seen.set(xlabel="pairs", ylim=(0, 1.15 * bump["certificate"].upper))
        styling.name_panel(seen, "b", "largest quotient seen")

    _missed = max(bump["far"][-1], bump["near"][-1]) < 8.4
    _words = f"""{"### ✗ The samples missed it" if _missed else "### ✓ This one is wide enough to be hit"}

Far pairs: {bump["far"][-1]:.4f}; near pairs: {bump["near"][-1]:.4f}; truth: 8.5; certified: {bracket(bump["certificate"])}. The
lower end is found by a search too, and may miss the bump. The upper end cannot: it looks at weights, not at points. Where
the two ends are far apart, you *see* that something is not known."""
    mo.vstack(
        [
            box("danger" if _missed else "success", _words),
            picture("The bump, and what samples see.", _draw, 2),
        ]
    )
    return (bump,)


@app.cell(hide_code=True)
def _():
    margin_slider = slider(-6.0, 0.0, 0.5, -3.0, "margin of about 10 to the")
    mo.md(rf"""
    ## 5. The last digits

    Even the right formula is rounded. A linear classifier decides by the sign of $w\cdot x + b$; the distance to its border is
    exactly $\rho = |w\cdot x + b|/\|w\|$. Compute that in float32, for random $w$, and compare with fractions. Where the
    number is too large there is an **adversary**: an input within the radius and beyond the border.

    {margin_slider}
    """)
    return (margin_slider,)


@app.cell(hide_code=True)
def _(margin_slider):
    rounding = float32_radii(10.0**margin_slider.value)

    def _draw(axes):
        for name, colour in (("naive", ESTIMATE), ("certified", BOUND)):
            errors = np.sort(rounding[name])
            axes.plot(
                errors, np.arange(1, CLASSIFIERS + 1) / CLASSIFIERS, ".", color=colour, label=name
            )
        axes.axvline(0, color=TRUTH, lw=0.8)
        axes.set_xscale("symlog", linthresh=1e-16)
        axes.set(
            xlabel=r"$(r - \rho)/\rho$",
            ylabel="share of classifiers",
            xticks=[-1e-4, -1e-10, 0, 1e-10, 1e-4],
        )
        styling.name_panel(axes, "a", "to the right of 0, a radius is wrong")

    _wrong = {name: int(np.sum(rounding[name] > 0)) for name in ("naive", "certified")}
    _at_x, _there, _spare = map(float, rounding["worst"])
    _words = f"""### ✗ {_wrong["naive"]} of {CLASSIFIERS} float32 radii are too large; of the certified ones {_wrong["certified"]}

The worst, in fractions: value at $x$ {_at_x:.3e}, at the adversary {_there:.3e}, and $r^2 - |x - y|^2$ = {_spare:.3e}."""
    mo.vstack([box("danger", _words), picture("Relative errors of radii.", _draw)])
    return (rounding,)


@app.cell(hide_code=True)
def _():
    s_slider = slider(0.0, 1.5, 0.01, 0.5, "$s$")
    mo.md(rf"""
    ## 6. At the border of the image

    Some theorems need the *smallest* stretch $\sigma_{{\min}}$: how much a step contracts, whether a layer can be inverted.
    The kernel $(1, s, 0)$ adds the left neighbour to $s$ times the pixel. Its smallest gain is $|1 - s|$, and that is
    $\sigma_{{\min}}$, if the padding is circular. At $s = 0$ it just **shifts** the image, all gains are 1; but
    with zero padding the last pixel falls over the edge.

    {s_slider}
    """)
    return (s_slider,)


@app.cell(hide_code=True)
def _(s_slider):
    border = at_the_border(s_slider.value)

    def _draw(axes):
        s = np.linspace(0, 1.5, 151)
        for mode, dashes in (("circular", "--"), ("zeros", "-")):
            smallest = [border_matrix(value, mode)[1] for value in s]
            axes.plot(s, smallest, dashes, color=TRUTH, label=f"smallest stretch, {mode}")
            axes.plot(
                s_slider.value,
                border[mode].smallest,
                "o",
                color=BOUND,
                label="certified"[: 9 * (dashes == "-")],
            )
        axes.plot(s, np.abs(1 - s), ":", lw=3, color=ESTIMATE, label="smallest gain", zorder=1)
        axes.set(xlabel="$s$", ylim=(-0.05, 1.05))
        styling.name_panel(axes, "a", f"{PIXELS} pixels, one axis")

    _wrong = border["svd"] < border["gain"] - 1e-9
    _words = f"""{"### ✗ With zero padding the smallest gain is no bound" if _wrong else "### ✓ Here it is a bound"}

Smallest gain {border["gain"]:.4f}; smallest stretch with zeros {border["svd"]:.3e}, certified ≥ {border["zeros"].smallest:.3e};
the last pixel alone is stretched by {border["last"]:.4f}."""
    mo.vstack(
        [box("danger" if _wrong else "success", _words), picture("Smallest stretches.", _draw)]
    )
    return (border,)


@app.cell(hide_code=True)
def _():
    h_slider = slider(0.0, 3.0, 0.01, 1.2, "step $h$")
    mo.md(rf"""
    ## 7. A certificate

    `certify(model, input_shape)` returns a **bracket**, lower ≤ Lipschitz constant ≤ upper, with its reasons. The **lower**
    end is *attained*: two inputs, the **witness**, are driven that far apart. The **upper** end is *derived*: a line for every
    operation, the rule that bounded it, the claim that proves the rule. So a claim is **proved**, **refuted**,
    or honestly open. The example is $x - hA^T\sigma(Ax + b)$, LeakyReLU of slope ½, $A$ with singular values
    1 and 0.6. A plain sum gives $1 + h\|A\|^2$: it does not see that the two parts work against each other.

    {h_slider}
    """)
    return (h_slider,)


@app.cell(hide_code=True)
def _(h_slider):
    step = certify(Step(h_slider.value).eval(), (2,), effort="quick")

    def _draw(axes):
        h = np.linspace(0, 3, 61)
        axes.plot(h, 1 + h, "--", color=BOUND, label="plain sum")
        sharp = [float(bounds.bound_contractive_factor(0.5, t, 0.6, 1.0)) for t in h]
        axes.plot(h, sharp, color=BOUND, label="gradient step, theory")
        axes.plot(h_slider.value, step.upper, "v", color=BOUND, ms=9, label="upper end")
        axes.plot(h_slider.value, step.lower, "^", color=FOUND, ms=9, label="lower end")
        axes.axhline(1, color=TRUTH, lw=0.8)
        axes.set(xlabel="$h$", ylim=(0, 4))
        styling.name_panel(axes, "a", "Lipschitz constant of the step")

    _x, _y = map(np.array, step.witness)
    _words = f"""Certified: {bracket(step)}. PyTorch's own quotient at the witness: {quotient(Step(h_slider.value), _x, _y):.10f}.

| node | operation | rule | claim | upper |
|:--|:--|:--|:--|--:|
{table((line.name, line.operation, c.rule, c.claim, f"{c.upper:.9g}") for line in step.lines for c in line.candidates)}"""
    mo.vstack([box(*judged(step, "This step is", _words)), picture("Bounds over the step.", _draw)])
    return (step,)


@app.cell(hide_code=True)
def _():
    slope_slider = slider(0.0, 1.0, 0.05, 0.1, "slope of LeakyReLU")
    mo.md(rf"""
    ## 8. Several rules, one bound

    The product of the norms of all layers is always true, and seldom sharp: each layer would have to do its worst exactly where
    the one before did. The *Riccati recursion* looks at a dense chain as a whole. All rules are recorded, the smallest counts.

    {slope_slider}
    """)
    return (slope_slider,)


@app.cell(hide_code=True)
def _(slope_slider):
    chains = [
        certify(chain(depth, slope_slider.value), (WIDTH,), effort="quick") for depth in DEPTHS
    ]
    products = [product_of_norms(certificate) for certificate in chains]

    def _draw(axes):
        axes.plot(DEPTHS, products, "s--", color=BOUND, label="product of the norms")
        axes.plot(
            DEPTHS,
            [c.upper for c in chains],
            "v-",
            color=BOUND,
            label="upper end: Riccati recursion",
        )
        axes.plot(DEPTHS, [c.lower for c in chains], "^-", color=FOUND, label="lower end")
        axes.set(xlabel="hidden layers", xticks=DEPTHS, ylim=(0, 1.1 * max(products)))
        styling.name_panel(axes, "a", f"random networks of width {WIDTH}")

    picture("Product, Riccati recursion and lower end, by depth.", _draw)
    return chains, products


@app.cell(hide_code=True)
def _():
    small = certify(chain(2, 0.1), (WIDTH,), effort="quick")
    elsewhere = check_elsewhere(small)
    forge_slider = slider(0.9, 1.1, 0.001, 0.99, "the recorded upper end, times")
    mo.md(f"""
    ## 9. A certificate is a file

    A bound that has to be *believed* is not worth much. `certificate.save(folder)` writes the weights, and a text with graph,
    rules, numbers, assumptions and the SHA-256 of the weights. `flowcert certificate check FOLDER` derives every line anew and evaluates the
    witness anew. Here it ran in another Python, in which importing PyTorch is forbidden:

```
{elsewhere.strip()}
```

    Now **tamper** with it. Who makes the bound larger than it need be is welcome: that is true as well.

    {forge_slider}
    """)
    return elsewhere, forge_slider, small


@app.cell(hide_code=True)
def _(forge_slider, small):
    tampered = tamper(small, forge_slider.value)
    _rows = (
        (name, f"{'✓' if r.holds else '✗'} {r.verdict}", *r.reasons[-1:])
        for name, r in tampered.items()
    )
    mo.md(f"| tampering | verdict | reason |\n|:--|:--|:--|\n{table(_rows)}")
    return (tampered,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## 10. What it does not say

    **It speaks of the function, not of its execution.** $x \mapsto (x + 1000) - 1000$ is the identity, and certified as that.
    In float32 it is a staircase, and neighbours can stand on different steps. A *radius* can be asked for under an arithmetic: it
    pays for the rounding, and where the margin is too small nothing is left.
    """)
    return


@app.cell(hide_code=True)
def _():
    executed = execute()

    def _draw(stairs, radii):
        x = np.linspace(0, 4e-4, 2001, dtype=np.float32)
        stairs.plot(
            x, There()(torch.from_numpy(x)).numpy(), color=ESTIMATE, label="executed in float32"
        )
        stairs.plot(x, x, color=TRUTH, label="the function")
        stairs.set(xlabel="$x$", xticks=[0, 1e-4, 2e-4, 3e-4, 4e-4])
        styling.name_panel(stairs, "a", "(x + 1000) − 1000")
        for (name, radius), dashes in zip(executed["radii"].items(), ("-", "--", ":"), strict=True):
            radii.loglog(executed["margins"], radius, dashes, color=BOUND, label=name)
        radii.set(xlabel="margin", ylim=(1e-9, 1))
        styling.name_panel(radii, "b", "certified radius, by arithmetic")

    (_x, _y), (_fx, _fy) = executed["pair"], executed["values"]
    _words = f"""### ✗ Certified {bracket(executed["certificate"])}, executed {executed["quotient"]:.3g}

In float32, {_x!s} goes to {_fx!s}, and the next number, {_y!s}, to {_fy!s}."""
    mo.vstack([box("danger", _words), picture("A staircase, and radii by margin.", _draw, 2)])
    return (executed,)


@app.cell(hide_code=True)
def _(small):
    _liar = Certifier()
    _liar.rule(nn.Linear, 0.5)
    forged = _liar(chain(2, 0.1), (WIDTH,))
    asserted = check_certificate(forged)
    mo.md(f"""
    **It rests on what you assert.** Layers of your own may come with bounds of your own. Here somebody asserts ½ of every `nn.Linear`:
    an upper end of {forged.upper:g} for the network of part 9, whose lower end is {small.lower:g}. The checker says on what its verdict rests:
    *{asserted.verdict}* ({", ".join(asserted.asserted)}).

    **It rests on what it assumes.** The certificate of part 9 says so itself:

    {"".join(f"<li>{line}</li>" for line in (*small.assumptions, small.trusted))}
    """)
    return asserted, forged


@app.cell(hide_code=True)
def _():
    mean = flattened_kernel(1.0)["certificate"]
    limit, beyond = (certify(Step(h).eval(), (2,), effort="quick") for h in (2.0, 2.01))
    tiny = certify(chain(1, 0.0, scale=0.01), (WIDTH,), effort="quick")
    mo.vstack(
        [
            mo.md("## Exercises\n\nTry first, then unfold."),
            exercise(
                "**1.** Which 3 × 3 kernel of flattened norm 1 has the largest gain, and how large is it? (Part 3.)",
                rf"""The constant one: a gain is at most $\sum|K_{{ij}}| \le \sqrt9\,\|K\| = 3$, by Cauchy and Schwarz, and at frequency 0
                the constant kernel has that. On {PIXELS} × {PIXELS} images with zero padding: {bracket(mean)}.""",
            ),
            exercise(
                "**2.** Up to which $h$ is the step of part 7 1-Lipschitz? Is a longer one just not proved?",
                rf"""Up to $2/\|A\|^2 = 2$, where the certificate has {bracket(limit)}: a norm that is rounded up costs the last digit.
                At 2.01 it is refuted, by a witness: {bracket(beyond)}.""",
            ),
            exercise(
                "**3.** An estimate says 0.83, a certificate [0.79, 1.20]. Is the network 1-Lipschitz? What do you do?",
                """It is open: the estimate is one more lower end. Search harder (`effort="thorough"`, `points=` your data), hoping to refute;
                give the `domain` of your inputs; or divide the last layer by 1.2, and it is proved.""",
            ),
            exercise(
                "**4.** A test demands |estimate − truth| ≤ 10⁻³. Divide the weights of a network with one hidden layer by 100. What is the test worth?",
                rf"""Both ends shrink by $10^4$, to {bracket(tiny)}: the test would accept 0. Relative to its upper end the bracket is
                {1 - tiny.lower / tiny.upper:.2%} wide, whatever the scale.""",
            ),
            mo.md("""
    ## To remember

    - What comes from below (power iteration, samples, gradients) can refute a claim. It never proves one.
    - Ask of each norm: of *which* matrix, with *which* padding, in *which* arithmetic?
    - A certificate has two ends, a reason for each, and a checker that needs neither its maker nor PyTorch.

    `flowcert claim E2.pairwise_radius` shows a proof, as for `E2.certified_radius`, `E1.product`, `E1.riccati`,
    `E1.torus_compression`, `D2.general_gradient_step` and `E1.execution_error`.
    """),
        ]
    )
    return beyond, limit, mean, tiny


@app.class_definition
class Step(nn.Module):
    """x − h·Aᵀσ(Ax + b), as people write it."""

    def __init__(self, h: float) -> None:
        super().__init__()
        self.h, self.A = h, nn.Parameter(torch.from_numpy(ROWS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - self.h * nn.functional.leaky_relu(x @ self.A.T + 0.25, 0.5) @ self.A


@app.class_definition
class Bump(nn.Module):
    """x/2 and a tent of slopes ±8, of this half width."""

    def __init__(self, width: float) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(1, 3).double(), nn.Linear(3, 1, bias=False).double()
        self.first.weight.data.fill_(1.0)
        self.first.bias.data = torch.tensor([width, 0.0, -width]).double() - PLACE
        self.last.weight.data = torch.tensor([[8.0, -16.0, 8.0]]).double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0.5 * x + self.last(torch.relu(self.first(x)))


@app.class_definition
class There(nn.Module):
    """There and back: the identity."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x + 1000.0) - 1000.0


@app.function
def linear_classifier(W: np.ndarray, b: np.ndarray) -> Derivation:
    """The derivation of x ↦ Wx + b, without PyTorch."""
    x = Node("x", "input", (), (W.shape[1],))
    logits = Node("logits", "dense", ("x",), (len(W),), {}, {"weight": "W", "bias": "b"})
    return derive(Graph((x, logits), "logits"), {"W": W, "b": b})


@app.function
def radii_in_the_plane(point: np.ndarray) -> dict[str, float]:
    """The radius by √2 L and that of the pairwise rule."""
    derivation = linear_classifier(WEIGHTS, np.zeros(3))
    logits = np.sort(WEIGHTS @ point)
    plain = (logits[-1] - logits[-2]) / (np.sqrt(2) * derivation.upper)
    [pairwise] = certified_radius(derivation, point[None], execution="exact")
    return {"plain": float(plain), "pairwise": float(pairwise)}


@app.function
def power_iteration(iterations: int) -> dict:
    """All estimates of a symmetric random matrix, and what the last one does to layers."""
    random = np.random.default_rng(1)
    W = random.normal(size=(64, 64))
    W = (W + W.T) / np.sqrt(128)
    v, estimates = random.normal(size=64), []
    for _ in range(iterations):
        v = W.T @ (W @ v)
        v /= np.linalg.norm(v)
        estimates.append(np.linalg.norm(W @ v))
    norm, divided = bound_dense(W), W / estimates[-1]
    x = np.linalg.svd(W)[2][0]
    growth = np.linalg.norm(np.linalg.matrix_power(divided, GROWTH) @ x) / np.linalg.norm(x)
    return {
        "estimates": np.array(estimates),
        "lower": norm.largest_lower,
        "upper": norm.largest,
        "divided": bound_dense(divided).largest_lower,
        "growth": growth,
    }


@app.function
def flattened_kernel(smooth: float) -> dict:
    """A convolution that PyTorch's spectral_norm has normalised, its gains and its certificate."""
    torch.manual_seed(2)
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    layer.weight.data = (1 - smooth) * torch.randn(1, 1, 3, 3) / 3 + smooth * torch.full(
        (1, 1, 3, 3), 1 / 3
    )
    layer = spectral_norm(layer).eval()
    kernel = layer.weight.detach().double().numpy()[0, 0]
    return {
        "kernel": kernel,
        "flat": float(np.linalg.norm(kernel.reshape(1, -1), 2)),
        "gains": np.abs(np.fft.fft2(kernel, (64, 64))),
        "certificate": certify(layer, (1, PIXELS, PIXELS), effort="quick"),
    }


@app.function
def sample_bump(width: float) -> dict:
    """The largest quotients after 1, 2, … pairs, far and near, and the certificate on [−1, 1]."""
    module, random = Bump(width).eval(), np.random.default_rng(0)

    def f(x: np.ndarray) -> np.ndarray:
        return module(torch.from_numpy(x)[:, None]).detach().numpy()[:, 0]

    x, far = random.uniform(-1, 1, (2, PAIRS))
    seen = {
        name: np.maximum.accumulate(np.abs(f(x) - f(y)) / np.abs(x - y))
        for name, y in (("far", far), ("near", x + 1e-6))
    }
    certificate = certify(module, (1,), domain=(-1.0, 1.0), effort="quick")
    return {"f": f, "width": width, "certificate": certificate, **seen}


@app.function
def float32_radii(margin: float) -> dict:
    """Radii of random linear classifiers, computed in float32 and certified, against fractions."""
    random, errors, adversaries = np.random.default_rng(3), {"naive": [], "certified": []}, []
    for _ in range(CLASSIFIERS):
        w, x = random.normal(size=(2, INPUTS)).astype(np.float32)
        b = np.float32(margin * random.uniform(0.5, 2) - w @ x)
        derivation = linear_classifier(np.array([w, -w], float), np.array([b, -b], float))
        [certified] = certified_radius(derivation, np.array([x], float), execution="exact")
        for name, r in (("naive", abs(w @ x + b) / np.linalg.norm(w)), ("certified", certified)):
            errors[name].append(excess(w, x, b, r))
        adversaries.append(adversary(w, x, b, abs(w @ x + b) / np.linalg.norm(w)))
    worst = int(np.argmax(errors["naive"]))
    return {
        **{name: np.array(found) for name, found in errors.items()},
        "worst": adversaries[worst],
    }


@app.function
def exact(array: np.ndarray) -> np.ndarray:
    """The same numbers as fractions."""
    return np.array([Fraction(float(entry)) for entry in np.ravel(array)], dtype=object)


@app.function
def excess(w: np.ndarray, x: np.ndarray, b: float, r: float) -> float:
    """(r − ρ)/ρ, positive exactly if r > ρ: (r/ρ)² is taken in fractions."""
    value, [r], w = exact(w) @ exact(x) + Fraction(float(b)), exact(r), exact(w)
    surplus = r**2 * (w @ w) / value**2 - 1
    return float(surplus / (1 + Fraction(float(1 + surplus) ** 0.5)))


@app.function
def adversary(
    w: np.ndarray, x: np.ndarray, b: float, r: float
) -> tuple[Fraction, Fraction, Fraction]:
    """The value at x, that at y = x − r'w/|w| with r' just less than r, and r² − |x − y|²: exact."""
    w, x, b, [r] = exact(w), exact(x), Fraction(float(b)), exact(r)
    length = Fraction(float(np.sqrt(float(w @ w)))) * (1 + Fraction(1, 2**50))  # no less than |w|
    value = w @ x + b
    y = x - (1 if value > 0 else -1) * r / length * w
    return value, w @ y + b, r**2 - (x - y) @ (x - y)


@app.function
def border_matrix(s: float, mode: str) -> tuple[np.ndarray, float]:
    """The matrix of the kernel (1, s, 0) on a line of pixels, and its smallest stretch."""
    matrix = s * np.eye(PIXELS) + np.eye(PIXELS, k=-1)
    matrix[0, -1] = mode == "circular"
    return matrix, float(np.linalg.svd(matrix, compute_uv=False)[-1])


@app.function
def at_the_border(s: float) -> dict:
    """Gains, smallest stretches and certified bounds of the kernel (1, s, 0)."""
    kernel, (matrix, smallest) = np.array([[[1.0, s, 0.0]]]), border_matrix(s, "zeros")
    return {
        "gain": abs(1 - s),
        "svd": smallest,
        "last": float(np.linalg.norm(matrix[:, -1])),
        **{
            mode: bound_convolution(kernel, (PIXELS,), padding=1, mode=mode, smallest=True)
            for mode in ("circular", "zeros")
        },
    }


@app.function
def quotient(module: nn.Module, x: np.ndarray, y: np.ndarray) -> float:
    """|f(x) − f(y)|/|x − y|, by PyTorch."""
    fx, fy = module(torch.from_numpy(np.stack([x, y]))).detach().double().numpy()
    return float(np.linalg.norm(fx - fy) / np.linalg.norm(x.astype(float) - y))


@app.function
def chain(depth: int, slope: float, scale: float = 1.0) -> nn.Module:
    """A random network with ``depth`` hidden layers."""
    torch.manual_seed(depth)
    layers = []
    for _ in range(depth):
        layers += [nn.Linear(WIDTH, WIDTH), nn.LeakyReLU(slope)]
    network = nn.Sequential(*layers, nn.Linear(WIDTH, WIDTH)).double().eval()
    for parameter in network.parameters():
        parameter.data *= scale * 3**0.5
    return network


@app.function
def product_of_norms(certificate: Certificate) -> float:
    """The product of the norms of the weight matrices."""
    weights = certificate.weights.values()
    return float(np.prod([bound_dense(W).largest for W in weights if W.ndim == 2]))


@app.function
def check_elsewhere(certificate: Certificate) -> str:
    """Save it, and check it from the command line of a Python without PyTorch."""
    program = "import sys; sys.modules['torch'] = None; from flowcert.cli import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-c",
            program,
            "certificate",
            "check",
            str(certificate.save(folder)),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout


@app.function
def tamper(certificate: Certificate, factor: float) -> dict[str, CheckResult]:
    """What the checker says of a certificate that was changed in several ways."""

    def other(change: Callable[[dict], None], weights: dict | None = None) -> CheckResult:
        content = certificate.to_json()
        change(content)
        return check_certificate(Certificate.from_json(content), weights or certificate.weights)

    def scale(content: dict) -> None:
        content["upper"] *= factor
        for candidate in content["lines"][-1]["candidates"]:
            candidate["upper"] *= factor

    last = max(certificate.weights)  # sorted by name: the weight of the last layer
    changed = {**certificate.weights, last: certificate.weights[last] * 1.001}
    return {
        "none": other(lambda content: None),
        f"upper end times {factor:.3f}, in all places": other(scale),
        "lower end raised to the upper": other(lambda c: c.update(lower=c["upper"])),
        "last weights times 1.001": other(lambda content: None, changed),
        "the same, with its new hash": other(
            lambda c: c.update(weights_sha256=hash_weights(changed)), changed
        ),
        "a rule renamed": other(lambda c: c["lines"][-1]["candidates"][0].update(rule="trust me")),
        "an assumption struck out": other(lambda c: c["assumptions"].pop(0)),
    }


@app.function
def execute() -> dict:
    """The worst pair of neighbours on the float32 staircase, and radii by margin and arithmetic."""
    x = np.float32(2.0**-15) + np.arange(-8, 8, dtype=np.float32) * np.float32(2.0**-38)
    values = There()(torch.from_numpy(x)).numpy()
    jump = int(np.argmax(np.abs(np.diff(values))))
    w, point = np.random.default_rng(3).normal(size=(2, INPUTS)).astype(np.float32).astype(float)
    margins, radii = [], {"exact": [], "float64": [], "float32": []}
    for margin in np.logspace(-9, 0, 37):
        b = float(np.float32(margin - w @ point))  # float32 weights, for the float32 execution
        derivation = linear_classifier(np.array([w, -w]), np.array([b, -b]))
        margins.append(2 * (w @ point + b))
        for name, found in radii.items():
            found += certified_radius(derivation, point[None], execution=name).tolist()
    return {
        "certificate": certify(There().eval(), (1,), effort="quick"),
        "pair": x[jump : jump + 2],
        "values": values[jump : jump + 2],
        "quotient": float(np.diff(values)[jump] / np.diff(x)[jump]),
        "margins": margins,
        "radii": radii,
    }


@app.function
def bracket(certificate: Certificate) -> str:
    return f"[{certificate.lower:.9g}, {certificate.upper:.9g}]"


@app.function
def judged(certificate: Certificate, what: str, words: str) -> tuple[str, str]:
    """Is it 1-Lipschitz? The kind of a box, and its text."""
    if certificate.upper <= 1:
        return "success", f"### ✓ {what} 1-Lipschitz: proved\n\n{words}"
    if certificate.lower > 1:
        return "danger", f"### ✗ {what} 1-Lipschitz: refuted\n\n{words}"
    return "warn", f"### ? {what} 1-Lipschitz: open\n\n{words}"


@app.function
def table(rows: Iterable[tuple]) -> str:
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


@app.function
def slider(low: float, high: float, step: float, value: float, label: str) -> mo.Html:
    return mo.ui.slider(
        low, high, step, value=value, label=label, include_input=True, full_width=True
    )


@app.function
def box(kind: str, words: str) -> mo.Html:
    return mo.callout(mo.md(words), kind=kind)


@app.function
def exercise(question: str, answer: str) -> mo.Html:
    """A question, and its answer folded away."""
    return mo.vstack([mo.md(question), mo.accordion({"Answer": mo.md(answer)})], gap=0.25)


@app.function
def picture(description: str, draw: Callable, columns: int = 1) -> mo.Html:
    """Panels with their legends on the page, sharp at any size."""
    with styling.styled():
        figure = matplotlib.figure.Figure(figsize=(4.1 * columns, 3.6))
        panels = figure.subplots(1, columns, squeeze=False)[0]
        draw(*panels)
        for panel in panels:
            if panel.get_legend_handles_labels()[0]:
                panel.legend(frameon=True, framealpha=0.9, edgecolor="none")
        svg = styling.render(figure, "svg").decode()
    svg = svg[svg.index("<svg") :].replace(
        "<svg ", f'<svg style="width: {50 * columns}%; height: auto" ', 1
    )
    return mo.Html(
        f'<div role="img" aria-label="{description}" style="background: white">{svg}</div>'
    )


if __name__ == "__main__":
    app.run()
