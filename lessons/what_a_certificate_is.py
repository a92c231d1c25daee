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
    from flowcert.theory import certificate as certificates
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

    “This network is 1-Lipschitz.” How do they know? Mostly from a number that a program printed. This lesson is about
    what stands behind such numbers. **Orange** is an estimate, **blue** a bound that holds for certain, **green**
    something found that anybody can verify, black the truth.

    ## 1. What a Lipschitz constant buys

    $L$ is a Lipschitz constant of $f$ if $|f(x) - f(y)| \le L\,|x - y|$ for all inputs. It buys a classifier **safety**. Let
    class $k$ win at $x$, by the margins $m_j = f_k(x) - f_j(x)$. If the input moves by $r$, the logits move by at most $Lr$,
    and the difference of two of them by at most $\sqrt2\,Lr$: nearer than $\min_j m_j/(\sqrt2\,L)$ the class is the same.
    If the last layer is linear with rows $w_j$, on features of constant $L_1$, the *pairwise rule* puts
    $L_1\|w_k - w_j\|$ in place of $\sqrt2\,L$. Move the point.

    {px_slider} {py_slider}
    """)
    return px_slider, py_slider


@app.cell(hide_code=True)
def _(px_slider, py_slider):
    point = np.array([px_slider.value, py_slider.value])
    plane = linear_classifier(WEIGHTS, np.zeros(3))
    _logits = np.sort(WEIGHTS @ point)
    plain_radius = (_logits[-1] - _logits[-2]) / (np.sqrt(2) * plane.upper)
    [pairwise_radius] = certified_radius(plane, point[None], execution="exact")

    def _draw(axes):
        side = np.linspace(-3, 3, 301)
        classes = np.argmax(np.stack(np.meshgrid(side, side), axis=-1) @ WEIGHTS.T, axis=-1)
        axes.contourf(side, side, classes, 2, cmap="Greys", alpha=0.3)
        turn = np.linspace(0, 2 * np.pi, 200)
        circle = np.array([np.cos(turn), np.sin(turn)])
        for radius, look in ((plain_radius, "--"), (pairwise_radius, "-")):
            name = "pairwise rule" if look == "-" else "margin / (√2 L)"
            ring = point[:, None] + radius * circle
            axes.plot(*ring, look, color=BOUND, label=f"{name}: {radius:.3f}")
        axes.plot(*point, "o", color=TRUTH)
        axes.set(aspect="equal", xlim=(-3, 3), ylim=(-3, 3), xlabel="$x_1$", ylabel="$x_2$")
        styling.name_panel(axes, "a", "three classes, and two certified discs")

    picture("Three classes in the plane, a point and its discs.", _draw)
    return pairwise_radius, plain_radius, point


@app.cell(hide_code=True)
def _():
    iterations_slider = slider(1, 60, 1, 5, "iterations")
    mo.md(rf"""
    For a linear classifier the pairwise disc touches the border: it is exact. And if $L$ is **too small**? Then the disc is
    too large, and the promise is broken where nobody looks.

    ## 2. The estimate that comes from below

    The norm of $W$ is its largest stretch $|Wv|/|v|$. *Power iteration* applies $W$ and $W^T$ in turn to a random $v$. Each
    value on the way is the stretch of *one* vector: it approaches the norm **from below**, and the layer divided by it
    still expands.

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

    _words = f"""### ✗ Divided by the estimate, the layer expands

The norm is in [{power["lower"]:.10g}, {power["upper"]:.10g}], the estimate {power["estimates"][-1]:.6f}. The divided layer
has a norm of at least **{power["divided"]:.4f}**; {GROWTH} of it in a row stretch some vector **{power["growth"]:.4g}**-fold."""
    tell("danger", _words, picture("Estimates rise towards the norm.", _draw, 2))
    return (power,)


@app.cell(hide_code=True)
def _():
    smooth_slider = slider(0.0, 1.0, 0.01, 0.7, "from a random kernel (0) to a mean (1)")
    mo.md(rf"""
    ## 3. The norm of the wrong matrix

    PyTorch's `spectral_norm` flattens the kernel of a convolution to a matrix (outputs ×
    everything else) and divides by *its* norm. The layer is another matrix, with a row for every pixel. It multiplies a wave
    of frequency $\theta$ by the gain $|\widehat K(\theta)|$. On a torus its norm is the **largest** gain; the flattened norm is, for
    one channel, only the **root of the mean square** of all gains.

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
        shown = np.fft.fftshift(flattened["gains"])
        image = gains.imshow(shown, extent=(-1, 1, -1, 1), vmin=0, vmax=3, cmap="cividis")
        gains.figure.colorbar(image, ax=gains)
        gains.set(xlabel=r"$\theta_1/\pi$", ylabel=r"$\theta_2/\pi$")
        styling.name_panel(gains, "b", "gain at each frequency")

    _words = f"""The flattened norm is {flattened["flat"]:.6f}, the root mean square of the gains
{np.sqrt(np.mean(flattened["gains"] ** 2)):.6f}, the largest gain {np.max(flattened["gains"]):.6f}. The layer on a torus of 64 × 64
pixels: ≤ {flattened["torus"]:.6f}; on images of {PIXELS} × {PIXELS}, padded with zeros: {bracket(flattened["certificate"])}."""
    _kind, _head = judge(flattened["certificate"], "What PyTorch has normalised is")
    tell(_kind, _head + _words, picture("A kernel, and its gains at all frequencies.", _draw, 2))
    return (flattened,)


@app.cell(hide_code=True)
def _():
    bump_slider = slider(-6.0, -0.5, 0.1, -4.0, "width of the bump, 10 to the")
    mo.md(rf"""
    ## 4. Where nobody looked

    “We measured $|f(x) - f(y)|/|x - y|$ at ten thousand pairs.” This network of three ReLU neurons has slope ½, but $8\tfrac12$
    on one side of a narrow bump. *Far* pairs are independent, *near* ones lie a millionth apart. Make the bump wider.

    {bump_slider}
    """)
    return (bump_slider,)


@app.cell(hide_code=True)
def _(bump_slider):
    bump = sample_bump(10.0**bump_slider.value)

    def _draw(graph, seen):
        x = np.arange(-8, 9)
        graph.plot(x, bump["magnified"], color=TRUTH)
        graph.set(xlabel=f"(x − {PLACE}) / width", xticks=[-8, -1, 1, 8])
        styling.name_panel(graph, "a", "the network, magnified at the bump")
        for name, look in (("far", "-"), ("near", "--")):
            k = np.arange(1, PAIRS + 1)
            seen.semilogx(k, bump[name], look, color=ESTIMATE, lw=3, label=f"{name} pairs")
        seen.axhline(8.5, color=TRUTH, label="truth")
        seen.axhline(bump["certificate"].upper, color=BOUND, label="upper end")
        seen.axhline(bump["certificate"].lower, color=FOUND, label="lower end")
        seen.set(xlabel="pairs", ylim=(0, 26))
        styling.name_panel(seen, "b", "largest quotient seen")

    _missed = max(bump["far"][-1], bump["near"][-1]) < 8.4
    _words = f"""### {"✗ The samples missed it" if _missed else "✓ This one is wide enough to be hit"}

Far pairs: {bump["far"][-1]:.4f}; near pairs: {bump["near"][-1]:.4f}; truth: 8.5; certified: {bracket(bump["certificate"])}. The
lower end comes from a search, and may miss the bump as well. The upper end cannot: it looks at weights, not at points. Where
the two are far apart you *see* that something is not known."""
    _picture = picture("The bump, and what samples see of it.", _draw, 2)
    tell("danger" if _missed else "success", _words, _picture)
    return (bump,)


@app.cell(hide_code=True)
def _():
    margin_slider = slider(-6.0, 0.0, 0.5, -3.0, "margin, about 10 to the")
    mo.md(rf"""
    ## 5. The last digits

    Even the right formula is rounded. A linear classifier decides by the sign of $w\cdot x + b$; the distance to its border is exactly
    $\rho = |w\cdot x + b|/\|w\|$. Compute that in float32, for random $w$, and compare with fractions. Where the number is too
    large there is an **adversary**: an input within the radius, and beyond the border.

    {margin_slider}
    """)
    return (margin_slider,)


@app.cell(hide_code=True)
def _(margin_slider):
    rounding = float32_radii(10.0**margin_slider.value)
    _rows = (
        (name, int(np.sum(rounding[name] > 0)), *(f"{rounding[name][k]:.2e}" for k in (0, -1)))
        for name in ("naive", "certified")
    )
    _at_x, _there, _spare = map(float, rounding["worst"])
    _words = f"""### ✗ {np.sum(rounding["naive"] > 0)} of {CLASSIFIERS} float32 radii are too large

| radius $r$ | too large | least $(r - \\rho)/\\rho$ | largest |
|:--|--:|--:|--:|
{table(_rows)}

The worst, in fractions: value at $x$ {_at_x:.3e}, at the adversary $y$ {_there:.3e}, and $r^2 - |x - y|^2$ = {_spare:.3e}."""
    tell("danger", _words)
    return (rounding,)


@app.cell(hide_code=True)
def _():
    s_slider = slider(0.0, 1.5, 0.01, 0.5, "$s$")
    mo.md(rf"""
    ## 6. At the border of the image

    Some theorems need the *smallest* stretch $\sigma_{{\min}}$: how much a step contracts, whether a layer can be inverted. The kernel
    $(1, s, 0)$ adds the left neighbour to $s$ times the pixel. Its smallest gain is $|1 - s|$, and with circular padding that is
    $\sigma_{{\min}}$. At $s = 0$ it just **shifts** the image, and all gains are 1; but with zero padding the last pixel
    falls over the edge.

    {s_slider}
    """)
    return (s_slider,)


@app.cell(hide_code=True)
def _(s_slider):
    _kernel = np.array([[[1.0, s_slider.value, 0.0]]])
    border = {
        mode: bound_convolution(_kernel, (PIXELS,), padding=1, mode=mode, smallest=True).smallest
        for mode in ("circular", "zeros")
    }
    _gain, _stretch = abs(1 - s_slider.value), smallest_stretch(s_slider.value, "zeros")

    def _draw(axes):
        s = np.linspace(0, 1.5, 151)
        for mode, look in (("circular", "--"), ("zeros", "-")):
            smallest = [smallest_stretch(value, mode) for value in s]
            axes.plot(s, smallest, look, color=TRUTH, label=f"smallest stretch, {mode}")
            axes.plot(s_slider.value, border[mode], "o", color=BOUND)
        axes.plot(s, np.abs(1 - s), ":", lw=3, color=ESTIMATE, label="smallest gain", zorder=1)
        axes.set(xlabel="$s$", ylim=(-0.05, 1.4))
        styling.name_panel(axes, "a", "by singular values; blue: certified")

    _wrong = _stretch < _gain - 1e-9
    _words = f"""### {"✗ With zero padding the smallest gain is no bound" if _wrong else "✓ Here the smallest gain is a bound"}

Smallest gain: {_gain:.4f}. Smallest stretch with zero padding: {_stretch:.3e}, certified ≥ {border["zeros"]:.3e}; with circular
padding certified ≥ {border["circular"]:.6f}."""
    tell("danger" if _wrong else "success", _words, picture("Smallest stretches.", _draw))
    return (border,)


@app.cell(hide_code=True)
def _():
    h_slider = slider(0.0, 3.0, 0.01, 1.2, "step $h$")
    mo.md(rf"""
    ## 7. A certificate

    `certify(model, input_shape)` returns a **bracket**, lower ≤ Lipschitz constant ≤ upper, with its reasons. The **lower** end is
    *attained*: two inputs, the **witness**, are driven that far apart. The **upper** end is *derived*: a line for each operation
    names the rule that bounded it and the claim that proves the rule. So a statement is **proved**, **refuted**, or honestly open. Our
    example is $x - hA^T\sigma(Ax + b)$, LeakyReLU of slope ½, $A$ with singular values 1 and 0.6. A plain sum gives $1 + h\|A\|^2$: it
    does not see that the two parts work against each other.

    {h_slider}
    """)
    return (h_slider,)


@app.cell(hide_code=True)
def _(h_slider):
    step = certify(Step(h_slider.value).eval(), (2,), effort="quick")

    def _draw(axes):
        h = np.linspace(0, 3, 61)
        sharp = [float(bounds.bound_contractive_factor(0.5, t, 0.6, 1.0)) for t in h]
        axes.plot(h, 1 + h, "--", color=BOUND, label="plain sum")
        axes.plot(h, sharp, color=BOUND, label="gradient step, by theory")
        axes.plot(h_slider.value, step.upper, "v", color=BOUND, ms=9, label="upper end")
        axes.plot(h_slider.value, step.lower, "^", color=FOUND, ms=9, label="lower end")
        axes.axhline(1, color=TRUTH, lw=0.8)
        axes.set(xlabel="$h$", ylim=(0, 4))
        styling.name_panel(axes, "a", "Lipschitz constant of the step")

    _xy = torch.tensor(step.witness, dtype=torch.float64)
    _apart = torch.dist(*Step(h_slider.value)(_xy)) / torch.dist(*_xy)
    _rows = (
        (line.name, line.operation, rule.rule, rule.claim, f"{rule.upper:.9g}")
        for line in step.lines
        for rule in line.candidates
    )
    _words = f"""Certified: {bracket(step)}. PyTorch's own quotient at the witness: {_apart:.10f}.

| node | operation | rule | claim | upper |
|:--|:--|:--|:--|--:|
{table(_rows)}"""
    _kind, _head = judge(step, "This step is")
    tell(_kind, _head + _words, picture("Bounds over the step.", _draw))
    return (step,)


@app.cell(hide_code=True)
def _():
    slope_slider = slider(0.0, 1.0, 0.05, 0.1, "slope of LeakyReLU")
    mo.md(rf"""
    ## 8. Several rules, one bound

    The product of the norms of all layers is always true, and seldom sharp: each layer would have to do its worst exactly where the
    one before did. The *Riccati recursion* looks at a dense chain as a whole. All rules are recorded, and the smallest counts.

    {slope_slider}
    """)
    return (slope_slider,)


@app.cell(hide_code=True)
def _(slope_slider):
    _chains = [chain(depth, slope_slider.value) for depth in DEPTHS]
    chains = [certify(network, (WIDTH,), effort="quick") for network in _chains]
    products = [
        float(np.prod([bound_dense(W).largest for W in c.weights.values() if W.ndim == 2]))
        for c in chains
    ]

    def _draw(axes):
        axes.plot(DEPTHS, products, "s--", color=BOUND, label="product of the norms")
        axes.plot(DEPTHS, [c.upper for c in chains], "v-", color=BOUND, label="upper end")
        axes.plot(DEPTHS, [c.lower for c in chains], "^-", color=FOUND, label="lower end")
        axes.set(xlabel="hidden layers", xticks=DEPTHS, ylim=(0, 1.1 * max(products)))
        styling.name_panel(axes, "a", f"random networks of width {WIDTH}")

    _rules = ", ".join(dict.fromkeys(c.lines[-1].rule for c in chains))
    mo.vstack(
        [
            picture("Product, upper and lower end, by depth.", _draw),
            mo.md(f"Rules of the upper ends: {_rules}."),
        ]
    )
    return chains, products


@app.cell(hide_code=True)
def _():
    small = certify(chain(2, 0.1), (WIDTH,), effort="quick")
    elsewhere = check_elsewhere(small)
    forge_slider = slider(0.9, 1.1, 0.001, 0.99, "the recorded upper end, times")
    mo.md(f"""## 9. A certificate is a file

A bound that has to be *believed* is not worth much. `certificate.save(folder)` writes the weights, and a text with graph, rules,
numbers, assumptions and the SHA-256 of the weights. `flowcert certificate check FOLDER` derives every line anew, and evaluates the
witness anew. Here it ran in another Python, in which importing PyTorch is forbidden:

```
{elsewhere.strip()}
```

Now **tamper** with it. A bound larger than it need be is welcome: that is true as well.

{forge_slider}""")
    return elsewhere, forge_slider, small


@app.cell(hide_code=True)
def _(forge_slider, small):
    tampered = tamper(small, forge_slider.value)
    _rows = (
        (name, f"{'✓' if result.holds else '✗'} {result.verdict}", *result.reasons[-1:])
        for name, result in tampered.items()
    )
    mo.md(f"| tampering | verdict | reason |\n|:--|:--|:--|\n{table(_rows)}")
    return (tampered,)


@app.cell(hide_code=True)
def _():
    executed = execute()

    def _draw(stairs, radii):
        x = np.linspace(0, 4e-4, 2001, dtype=np.float32)
        stairs.plot(x, There()(torch.from_numpy(x)), color=ESTIMATE, label="executed in float32")
        stairs.plot(x, x, color=TRUTH, label="the function")
        stairs.set(xlabel="$x$", xticks=[0, 1e-4, 2e-4, 3e-4, 4e-4])
        styling.name_panel(stairs, "a", "(x + 1000) − 1000")
        for name, look in (("exact", "-"), ("float64", "--"), ("float32", ":")):
            radii.loglog(executed["margins"], executed[name], look, color=BOUND, label=name)
        radii.set(xlabel="margin", xlim=(1e-6, 1), ylim=(1e-8, 1))
        styling.name_panel(radii, "b", "certified radius, by arithmetic")

    _x, _y, _fx, _fy = (f"{number:.9g}" for number in executed["pair"])
    _words = rf"""## 10. What it does not say

**It speaks of the function, not of its execution.** $x \mapsto (x + 1000) - 1000$ is the identity, and certified as that:
{bracket(executed["certificate"])}. In float32 it is a staircase: {_x} goes to {_fx}, and the next number, {_y}, to {_fy}, which is a
quotient of **{executed["quotient"]:.4g}**. A *radius*, however, can be asked for under an arithmetic. It pays for the rounding, and where the
margin is too small nothing is left."""
    mo.vstack([mo.md(_words), picture("A staircase, and radii by margin.", _draw, 2)])
    return (executed,)


@app.cell(hide_code=True)
def _(small):
    _liar = Certifier()
    _liar.rule(nn.Linear, 0.5)
    forged = _liar(chain(2, 0.1), (WIDTH,))
    asserted = certificates.check_certificate(forged)
    mo.md(f"""
    **It rests on what you assert.** Layers of your own may come with bounds of your own. Here somebody asserts ½ of every `nn.Linear`: an
    upper end of {forged.upper:g} for the network of part 9, whose lower end is {small.lower:g}. The checker says on what its verdict
    rests: *{asserted.verdict}* ({", ".join(asserted.asserted)}).

    **It rests on what it assumes.** The certificate of part 9 says so itself:

    {"".join(f"<li>{line}</li>" for line in (*small.assumptions, small.trusted))}
    """)
    return asserted, forged


@app.cell(hide_code=True)
def _():
    mean = bound_convolution(np.full((1, 1, 3, 3), 1 / 3), (PIXELS, PIXELS), padding=1)
    limit, beyond = (certify(Step(h).eval(), (2,), effort="quick") for h in (2.0, 2.01))
    full, tiny = (certify(chain(1, 0.0, c), (WIDTH,), effort="quick") for c in (1.0, 0.01))
    exercises = {
        "**1.** Which 3 × 3 kernel of flattened norm 1 has the largest gain, and how large is it? (Part 3.)": rf"""
The constant one: a gain is at most $\sum|K_{{ij}}| \le \sqrt9\,\|K\| = 3$, by Cauchy and Schwarz, and at frequency 0 the constant
kernel has that. On {PIXELS} × {PIXELS} images with zero padding its norm is in [{mean.largest_lower:.6f}, {mean.largest:.6f}].""",
        "**2.** Up to which $h$ is the step of part 7 1-Lipschitz? Is a longer one just not proved?": rf"""
Up to $2/\|A\|^2 = 2$. There the certificate says {bracket(limit)}: a norm that is rounded up costs the last digit. At 2.01 the
claim is refuted, by a witness: {bracket(beyond)}.""",
        "**3.** An estimate says 0.83, a certificate [0.79, 1.20]. Is the network 1-Lipschitz? What do you do?": """
It is open: the estimate is one more lower end. Search harder (`effort="thorough"`, your data as `points`), hoping to refute it; give
the `domain` of your inputs; or divide the last layer by 1.2, and it is proved.""",
        "**4.** A test demands |estimate − truth| ≤ 10⁻³. Divide the weights of a network with one hidden layer by 100. What is the test worth now?": rf"""
Nothing: both ends shrink by $10^4$, to {bracket(tiny)}, and the test accepts 0. Relative to its upper end the bracket is
{1 - full.lower / full.upper:.2%} wide before, {1 - tiny.lower / tiny.upper:.2%} after.""",
    }
    mo.vstack(
        [
            mo.md("## Exercises\n\nTry first, then unfold."),
            *(
                mo.vstack([mo.md(question), mo.accordion({"Answer": mo.md(answer)})], gap=0.25)
                for question, answer in exercises.items()
            ),
            mo.md("""
    ## To remember

    - What comes from below (power iteration, samples, gradients) can refute a claim. It never proves one.
    - Ask of each norm: of *which* matrix, with *which* padding, in *which* arithmetic?
    - A certificate has two ends, a reason for each, and a checker that needs neither its maker nor PyTorch.

    `flowcert claim E2.pairwise_radius` shows a proof, and so for `E2.certified_radius`, `E1.product`, `E1.riccati`,
    `E1.torus_compression`, `D2.general_gradient_step` and `E1.execution_error`.
    """),
        ]
    )
    return beyond, full, limit, mean, tiny


@app.class_definition
class Step(nn.Module):
    """x − h·Aᵀσ(Ax + b), as people write it."""

    def __init__(self, h: float) -> None:
        super().__init__()
        self.h, self.A = h, nn.Parameter(torch.from_numpy(ROWS), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - self.h * nn.functional.leaky_relu(x @ self.A.T + 0.25, 0.5) @ self.A


@app.class_definition
class Bump(nn.Module):
    """x/2 and a tent of slopes ±8, of this half width."""

    def __init__(self, width: float) -> None:
        super().__init__()
        self.corners = nn.Parameter(PLACE + width * torch.tensor([-1.0, 0.0, 1.0]).double())
        self.slopes = nn.Parameter(torch.tensor([8.0, -16.0, 8.0]).double())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tent = torch.relu(x @ torch.ones(1, 3).double() - self.corners) @ self.slopes[:, None]
        return 0.5 * x + tent


@app.class_definition
class There(nn.Module):
    """There and back: the identity."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x + 1000.0) - 1000.0


@app.function
def linear_classifier(W: np.ndarray, b: np.ndarray) -> certificates.Derivation:
    """The derivation of x ↦ Wx + b, without PyTorch."""
    x = certificates.Node("x", "input", (), (W.shape[1],))
    tensors = {"weight": "W", "bias": "b"}
    logits = certificates.Node("logits", "dense", ("x",), (len(W),), {}, tensors)
    return certificates.derive(certificates.Graph((x, logits), "logits"), {"W": W, "b": b})


@app.function
def power_iteration(iterations: int) -> dict:
    """All estimates for a symmetric random matrix, and what division by the last one does."""
    random = np.random.default_rng(1)
    W = random.normal(size=(64, 64))
    W = (W + W.T) / np.sqrt(128)
    v, estimates = random.normal(size=64), []
    for _ in range(iterations):
        v = W.T @ (W @ v)
        v /= np.linalg.norm(v)
        estimates.append(np.linalg.norm(W @ v))
    norm, divided = bound_dense(W), W / estimates[-1]
    most_stretched = np.linalg.svd(W)[2][0]
    return {
        "W": W,
        "estimates": np.array(estimates),
        "lower": norm.largest_lower,
        "upper": norm.largest,
        "divided": bound_dense(divided).largest_lower,
        "growth": np.linalg.norm(np.linalg.matrix_power(divided, GROWTH) @ most_stretched),
    }


@app.function
def flattened_kernel(smooth: float) -> dict:
    """A convolution that PyTorch's spectral_norm has normalised, its gains and its certificate."""
    torch.manual_seed(2)
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    random, mean = torch.randn(1, 1, 3, 3), torch.ones(1, 1, 3, 3)
    layer.weight.data = (1 - smooth) * random + smooth * mean
    layer = spectral_norm(layer).eval()
    kernel = layer.weight.detach().double().numpy()[0, 0]
    return {
        "kernel": kernel,
        "flat": float(np.linalg.norm(kernel.reshape(1, -1), 2)),
        "gains": np.abs(np.fft.fft2(kernel, (64, 64))),
        "torus": bound_convolution(
            kernel[None, None], (64, 64), padding=1, mode="circular"
        ).largest,
        "certificate": certify(layer, (1, PIXELS, PIXELS), effort="quick"),
    }


@app.function
def sample_bump(width: float) -> dict:
    """The largest quotients after 1, 2, … pairs, far and near; the certificate on [−1, 1]."""
    module, random = Bump(width).eval(), np.random.default_rng(0)

    def f(x: np.ndarray) -> np.ndarray:
        return module(torch.from_numpy(x)[:, None]).detach().numpy()[:, 0]

    x, far = random.uniform(-1, 1, (2, PAIRS))
    found = {
        name: np.maximum.accumulate(np.abs(f(x) - f(y)) / np.abs(x - y))
        for name, y in (("far", far), ("near", x + 1e-6))
    }
    certificate = certify(module, (1,), domain=(-1.0, 1.0), effort="quick")
    magnified = (f(PLACE + width * np.arange(-8.0, 9.0)) - PLACE / 2) / width
    return {"magnified": magnified, "certificate": certificate, **found}


@app.function
def float32_radii(margin: float) -> dict:
    """Relative errors of the radii of random linear classifiers; how the worst one is attacked."""
    random = np.random.default_rng(3)
    errors, worst, attacked = {"naive": [], "certified": []}, -1.0, ()
    for _ in range(CLASSIFIERS):
        w, x = random.normal(size=(2, INPUTS)).astype(np.float32)
        b = np.float32(margin * random.uniform(0.5, 2) - w @ x)
        derivation = linear_classifier(np.array([w, -w], float), np.array([b, -b], float))
        naive = abs(w @ x + b) / np.linalg.norm(w)
        [certified] = certified_radius(derivation, np.array([x], float), execution="exact")
        errors["naive"].append(attack(w, x, b, naive)[0])
        errors["certified"].append(attack(w, x, b, certified)[0])
        if errors["naive"][-1] > worst:
            worst, *attacked = attack(w, x, b, naive)
    return {"worst": attacked, **{name: np.sort(found) for name, found in errors.items()}}


@app.function
def attack(w: np.ndarray, x: np.ndarray, b: float, r: float) -> tuple:
    """(r − ρ)/ρ and, in fractions, w·x + b, w·y + b and r² − |x − y|² for y towards the border.

    y = x ∓ (r/ℓ)·w with ℓ just above |w|, so that |x − y| ≤ r.
    """
    b, r = Fraction(float(b)), Fraction(float(r))
    w, x = (np.array([Fraction(float(entry)) for entry in array]) for array in (w, x))
    value, square = w @ x + b, w @ w
    length = Fraction(float(square) ** 0.5) * (1 + Fraction(1, 2**50))
    y = x - (1 if value > 0 else -1) * r / length * w
    surplus = r**2 * square / value**2 - 1  # (r/ρ)² − 1, exactly
    return (
        float(surplus) / (1 + float(1 + surplus) ** 0.5),
        value,
        w @ y + b,
        r**2 - (x - y) @ (x - y),
    )


@app.function
def smallest_stretch(s: float, mode: str) -> float:
    """The least singular value of the kernel (1, s, 0) on a line of pixels, as a matrix."""
    matrix = s * np.eye(PIXELS) + np.eye(PIXELS, k=-1)
    matrix[0, -1] = mode == "circular"
    return float(np.linalg.svd(matrix, compute_uv=False)[-1])


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
def check_elsewhere(certificate: certificates.Certificate) -> str:
    """Save it, and check it from the command line of a Python without PyTorch."""
    program = "import sys; sys.modules['torch'] = None; from flowcert.cli import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["certificate", "check", str(certificate.save(folder))]
        command = [sys.executable, "-c", program, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@app.function
def tamper(certificate: certificates.Certificate, factor: float) -> dict:
    """What the checker says of a certificate that was changed in several ways."""

    def check(change: Callable[[dict], object], weights: dict) -> certificates.CheckResult:
        content = certificate.to_json()
        change(content)
        changed = certificates.Certificate.from_json(content)
        return certificates.check_certificate(changed, weights)

    def scale(content: dict) -> None:
        content["upper"] *= factor
        for candidate in content["lines"][-1]["candidates"]:
            candidate["upper"] *= factor

    weights, last = certificate.weights, max(certificate.weights)
    forged = {**weights, last: weights[last] * 1.001}
    sha256 = certificates.hash_weights(forged)
    rule = {"rule": "trust me"}
    return {
        "none": check(lambda _: None, weights),
        f"upper end times {factor:.3f}, in all places": check(scale, weights),
        "lower end raised to the upper": check(lambda c: c.update(lower=c["upper"]), weights),
        "last weights times 1.001": check(lambda _: None, forged),
        "the same, with a new hash": check(lambda c: c.update(weights_sha256=sha256), forged),
        "a rule renamed": check(lambda c: c["lines"][-1]["candidates"][0].update(rule), weights),
        "an assumption struck out": check(lambda c: c["assumptions"].pop(0), weights),
    }


@app.function
def execute() -> dict:
    """The worst neighbours on the float32 staircase; certified radii by margin and arithmetic."""
    x = np.float32(2.0**-15) + np.float32(2.0**-38) * np.arange(-8, 9, dtype=np.float32)
    f = There()(torch.from_numpy(x)).numpy()
    jump = int(np.argmax(np.diff(f)))
    w, point = np.random.default_rng(3).normal(size=(2, INPUTS)).astype(np.float32).astype(float)
    margins, radii = [], {"exact": [], "float64": [], "float32": []}
    for margin in np.logspace(-9, 0, 37):
        b = float(np.float32(margin - w @ point))  # float32 weights, for the float32 execution
        derivation = linear_classifier(np.array([w, -w]), np.array([b, -b]))
        margins.append(2 * abs(w @ point + b))
        for name, found in radii.items():
            found += certified_radius(derivation, point[None], execution=name).tolist()
    return {
        "certificate": certify(There().eval(), (1,), effort="quick"),
        "pair": (x[jump], x[jump + 1], f[jump], f[jump + 1]),
        "quotient": float(np.diff(f)[jump] / np.diff(x)[jump]),
        "margins": margins,
        **radii,
    }


@app.function
def bracket(certificate: certificates.Certificate) -> str:
    return f"[{certificate.lower:.10g}, {certificate.upper:.10g}]"


@app.function
def judge(certificate: certificates.Certificate, what: str) -> tuple[str, str]:
    """Is it 1-Lipschitz? The kind of a box, and its heading."""
    if certificate.upper <= 1:
        return "success", f"### ✓ {what} 1-Lipschitz: proved\n\n"
    if certificate.lower > 1:
        return "danger", f"### ✗ {what} 1-Lipschitz: refuted\n\n"
    return "warn", f"### ? {what} 1-Lipschitz: open\n\n"


@app.function
def table(rows: Iterable[tuple]) -> str:
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


@app.function
def slider(low: float, high: float, step: float, value: float, label: str) -> mo.Html:
    return mo.ui.slider(low, high, step, value=value, label=label, include_input=True)


@app.function
def tell(kind: str, words: str, *below: mo.Html) -> mo.Html:
    """A box on the page, and the picture that belongs to it."""
    return mo.vstack([mo.callout(mo.md(words), kind=kind), *below])


@app.function
def picture(description: str, draw: Callable, columns: int = 1) -> mo.Html:
    """Panels with their legends, sharp at any size."""
    with styling.styled():
        figure = matplotlib.figure.Figure(figsize=(4.1 * columns, 3.6))
        panels = figure.subplots(1, columns, squeeze=False)[0]
        draw(*panels)
        for panel in panels:
            if panel.get_legend_handles_labels()[0]:
                panel.legend(frameon=True, framealpha=0.9, edgecolor="none")
        svg = styling.render(figure, "svg").decode()
    look = f'style="background: white; width: {50 * columns}%"'
    svg = svg[svg.index("<svg") :].replace("<svg ", '<svg style="width: 100%; height: auto" ', 1)
    return mo.Html(f'<div role="img" aria-label="{description}" {look}>{svg}</div>')


if __name__ == "__main__":
    app.run()
