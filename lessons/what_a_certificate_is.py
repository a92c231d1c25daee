# Open it with `marimo run lessons/what_a_certificate_is.py` (or `marimo edit` to see the code),
# after `pip install "flowcert[lessons]"`.

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="What a certificate is")

with app.setup:
    import json
    import subprocess
    import sys
    import tempfile
    from collections.abc import Callable
    from fractions import Fraction
    from pathlib import Path

    import marimo as mo
    import matplotlib.axes
    import matplotlib.figure
    import numpy as np
    import torch
    from torch import nn
    from torch.nn.utils.parametrizations import spectral_norm

    from flowcert.figures import styling
    from flowcert.networks.certify import Certifier
    from flowcert.theory.certificate import (
        Certificate,
        Derivation,
        Graph,
        Node,
        check_certificate,
        derive,
        hash_weights,
    )
    from flowcert.theory.certificate.radius import bound_logit_slopes, certified_radius
    from flowcert.theory.spectral import bound_convolution, bound_dense

    # The same thing has the same colour throughout; safe for colour-blind eyes.
    ESTIMATE, BOUND, FOUND, TRUTH = "#D55E00", "#0072B2", "#009E73", "#222222"
    WEIGHTS = np.array([[1.0, 0.2], [-0.3, 1.1], [-0.8, -0.9]])  # of the classifier of part 1
    BIASES = np.array([0.1, 0.0, -0.2])
    IMAGE, PIXELS = 16, 16  # of the kernels of parts 3 and 6
    STEEP, PLACE = 8.0, 0.3125  # slope of the bump of part 4, and where it is
    PAIRS, CLASSIFIERS, INPUTS = 10_000, 300, 20  # of parts 4 and 5
    GROWTH = 20  # layers of part 2
    SLOPE, ROWS = 0.5, np.array([[0.8, 0.6], [-0.36, 0.48]])  # part 7: singular values 1 and 0.6
    WIDTH, DEPTHS = 12, (1, 2, 3, 4)  # of the chains of part 8
    OFFSET = 1000.0  # of part 10
    certify = Certifier()  # one of our own: rules registered here stay here


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # What a certificate is, and how an estimate lies

    Somebody says: “this network is 1-Lipschitz”. How do they know? Mostly from a number that a
    program printed. This lesson is about what stands behind such numbers. In all pictures
    **orange** is an estimate, **blue** a bound that holds for certain, **green** something found
    that anybody can verify, and black the truth, where we know it.

    ## 1. What a Lipschitz constant buys

    $L$ is a Lipschitz constant of $f$ if $|f(x) - f(y)| \le L\,|x - y|$ for all inputs. For a
    classifier it buys **safety**: let class $k$ win at $x$, by margins $m_j = f_k(x) - f_j(x)$.
    A step of length $r$ moves the logits by at most $Lr$, hence a difference of two of them by at
    most $\sqrt2\,Lr$. No input closer than $\min_j m_j/(\sqrt2\,L)$ has another class.

    If the last layer is linear, with rows $w_j$ and features of constant $L_{\mathrm f}$, the
    difference $f_k - f_j$ moves by at most $L_{\mathrm f}\,\|w_k - w_j\|\,r$: the **pairwise
    rule**, which replaces $\sqrt2\,L$ where it is less. Move the point.
    """)
    return


@app.cell(hide_code=True)
def _():
    px_slider = slider(-2.0, 2.0, 0.05, 0.9, "$x_1$")
    py_slider = slider(-2.0, 2.0, 0.05, -0.6, "$x_2$")
    mo.hstack([px_slider, py_slider], widths="equal", gap=2)
    return px_slider, py_slider


@app.cell(hide_code=True)
def _(px_slider, py_slider):
    point = np.array([px_slider.value, py_slider.value])
    plane_radii = radii_in_the_plane(point)
    box(
        "success",
        f"""### ✓ Both discs lie inside the class

| | radius |
|:--|--:|
| margin / (√2 L), with L ≤ {plane_radii["L"]:.4f} | {plane_radii["plain"]:.4f} |
| pairwise rule | {plane_radii["pairwise"]:.4f} |
| distance to the nearest border, by geometry | {plane_radii["true"]:.4f} |""",
    )
    return plane_radii, point


@app.cell(hide_code=True)
def _(plane_radii, point):
    show(draw_plane(point, plane_radii), "Three classes in the plane, a point and its two discs.")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    For a linear classifier the pairwise rule is exact. And if $L$ is **too small**? Then the disc
    is too large, and the promise is broken where nobody looks. So: where do numbers for $L$ come from?

    ## 2. The estimate that comes from below

    The norm of a matrix is its largest stretch $|Wv|/|v|$. *Power iteration* applies $W$ and $W^T$ to
    a random $v$, over and over. Every value on the way is the stretch of *one* vector, so it never
    exceeds the norm: it comes **from below**. A layer divided by it is not 1-Lipschitz. (PyTorch's
    `spectral_norm` makes one iteration a training step.)
    """)
    return


@app.cell(hide_code=True)
def _():
    iterations_slider = slider(1, 60, 1, 5, "iterations")
    iterations_slider
    return (iterations_slider,)


@app.cell(hide_code=True)
def _(iterations_slider):
    power = power_iteration(iterations_slider.value)
    box(
        "danger",
        f"""### ✗ Divided by the estimate, the layer expands

The norm lies in [{power["lower"]:.6f}, {power["upper"]:.6f}]; the estimate is
**{power["estimates"][-1]:.6f}**. The divided layer has a norm of at least {power["divided"]:.4f}, and {GROWTH}
of it, one after the other, stretch one vector {power["growth"]:.3g}-fold.""",
    )
    return (power,)


@app.cell(hide_code=True)
def _(power):
    show(draw_power(power), "The estimates approach the norm from below; their error decreases.")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## 3. The norm of the wrong matrix

    For a convolution many programs, PyTorch's `spectral_norm` among them, flatten the kernel to
    a matrix (outputs × everything else) and divide by *its* norm. But the layer is another
    matrix, with a row for every pixel. A sine wave of frequency $\theta$ passes the layer with the gain
    $|\widehat K(\theta)|$. On a torus the norm is the **largest** gain; for one channel the flattened
    norm is the **root of the mean square** of all gains. A kernel that smooths has large gains at
    low frequencies, and images have low frequencies.
    """)
    return


@app.cell(hide_code=True)
def _():
    smooth_slider = slider(0.0, 1.0, 0.01, 0.8, "from a random kernel to a mean")
    smooth_slider
    return (smooth_slider,)


@app.cell(hide_code=True)
def _(smooth_slider):
    flattened = flattened_kernel(smooth_slider.value)
    bracket_3 = flattened["certificate"]
    box(
        *judged(bracket_3, "The layer that PyTorch normalised is"),
        f"""The flattened kernel has norm **{flattened["flat"]:.4f}**, as has the root mean square of the gains:
{flattened["rms"]:.4f}. The layer on {IMAGE} × {IMAGE} images, padded with zeros, has its constant in
[{bracket_3.lower:.6f}, {bracket_3.upper:.6f}].""",
    )
    return (flattened,)


@app.cell(hide_code=True)
def _(flattened):
    show(draw_kernel(flattened), "Left the kernel; right its gains at all frequencies.")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## 4. Where nobody looked

    “We measured $|f(x) - f(y)|/|x - y|$ at ten thousand pairs.” Here is a network with three ReLU
    neurons: it has slope $\tfrac12$, but on a narrow bump the slope is $8\tfrac12$. Make the
    bump narrower. *Far* pairs are drawn independently; *near* ones are a millionth apart, like
    gradients at random points.
    """)
    return


@app.cell(hide_code=True)
def _():
    bump_slider = slider(-6.0, -0.6, 0.1, -4.0, "width of the bump: 10 to the")
    bump_slider
    return (bump_slider,)


@app.cell(hide_code=True)
def _(bump_slider):
    bump = sample_bump(10.0**bump_slider.value)
    bump_bracket = bump["certificate"]
    box(
        "danger" if max(bump["near"][-1], bump["far"][-1]) < 8.4 else "success",
        f"""### {"✗ The samples missed it" if max(bump["near"][-1], bump["far"][-1]) < 8.4 else "✓ This bump is wide enough to be hit"}

| the constant is 8.5 | |
|:--|--:|
| largest of {PAIRS} far quotients | {bump["far"][-1]:.4f} |
| largest of {PAIRS} near quotients | {bump["near"][-1]:.4f} |
| certificate | [{bump_bracket.lower:.4f}, {bump_bracket.upper:.4f}] |

The certificate's lower end is a search too, and may miss the bump. Its upper end cannot: it never looks at points.
Where the two are far apart, we *see* that something is not known.""",
    )
    return (bump,)


@app.cell(hide_code=True)
def _(bump):
    show(draw_bump(bump), "Left the function; right the largest quotient after so many pairs.")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## 5. The last digits

    Even where the formula is right, the machine rounds. Take a linear classifier of two classes, $\pm(w\cdot x + b)$: the
    distance to its border is *exactly* $\rho = |w\cdot x + b|/\|w\|$. Compute that in float32 for
    random classifiers, and compare with exact fractions. Where the number is too large, there is an
    **adversary** within the radius: an input with another class, in fractions, without any rounding. The
    smaller the margin, the worse.
    """)
    return


@app.cell(hide_code=True)
def _():
    margin_slider = slider(-6.0, 0.0, 0.5, -3.0, "margin: about 10 to the")
    margin_slider
    return (margin_slider,)


@app.cell(hide_code=True)
def _(margin_slider):
    rounding = float32_radii(10.0**margin_slider.value)
    adversary = rounding["adversary"]
    box(
        "danger",
        f"""### ✗ {rounding["wrong"]} of {CLASSIFIERS} float32 radii are too large

| | naive, float32 | certified |
|:--|--:|--:|
| too large | {rounding["wrong"]} | {rounding["certified_wrong"]} |
| largest (r − ρ)/ρ | {np.max(rounding["naive"]):.1e} | {np.max(rounding["certified"]):.1e} |

The worst one, in fractions: at x the value is {float(adversary["at_x"]):.3e}, at the adversary {float(adversary["there"]):.3e}, and the
squared distance is less than r² by {float(adversary["inside"]):.1e}.""",
    )
    return (rounding,)


@app.cell(hide_code=True)
def _(rounding):
    show(draw_rounding(rounding), "Relative errors of the radii, naive and certified.")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## 6. At the border

    Some theorems need the *smallest* stretch $\sigma_{\min}$ as well: how fast a step contracts,
    whether a layer can be inverted. The kernel $(1, s, 0)$ adds the left neighbour to $s$ times the pixel. Its
    smallest gain is $|1 - s|$, and with circular padding that is $\sigma_{\min}$. At $s = 0$ it merely
    **shifts** the image: all gains are 1. But with zero padding the last pixel falls over the edge,
    and $\sigma_{\min}$ is 0.
    """)
    return


@app.cell(hide_code=True)
def _():
    s_slider = slider(0.0, 1.5, 0.01, 0.5, "$s$")
    s_slider
    return (s_slider,)


@app.cell(hide_code=True)
def _(s_slider):
    border = at_the_border(s_slider.value)
    box(
        "danger" if border["zeros"] < border["gain"] - 1e-6 else "success",
        f"""### {"✗ The smallest gain is not σ_min with zero padding" if border["zeros"] < border["gain"] - 1e-6 else "✓ Here the smallest gain is a bound"}

| {PIXELS} pixels | σ_min, by the SVD of the matrix | certified |
|:--|--:|--:|
| circular | {border["circular"]:.3e} | ≥ {border["circular_bound"]:.3e} |
| zeros | {border["zeros"]:.3e} | ≥ {border["zeros_bound"]:.3e} |
| smallest gain, an *estimate* of both | {border["gain"]:.3e} | |""",
    )
    return (border,)


@app.cell(hide_code=True)
def _(border):
    show(draw_border(border), "Left the gains; right the smallest stretch for both paddings.")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## 7. A certificate

    `certify(model, input_shape)` returns a **bracket**, lower ≤ Lipschitz constant ≤ upper, and the
    reasons for both ends:

    - the **lower** end is *attained*: the certificate holds two inputs, the **witness**, which
      the network drives that far apart. Anybody can run the network on them;
    - the **upper** end is *derived*: every operation has a line, with the rule that bounded it and the
      claim behind the rule. `flowcert claim E1.product` shows the proof of the claim.

    So a claim is **proved** (upper ≤ 1), **refuted** (lower > 1), or honestly open. Here is the step
    $x - hA^{T}\sigma(Ax + b)$, LeakyReLU of slope ½, $A$ with singular values 1 and 0.6. A plain sum gives
    $1 + h\|A\|^2$, since it cannot know that the two parts work against each other. The rule
    `D2.general_gradient_step` recognises the step.
    """)
    return


@app.cell(hide_code=True)
def _():
    h_slider = slider(0.0, 3.0, 0.01, 1.2, "step $h$")
    h_slider
    return (h_slider,)


@app.cell(hide_code=True)
def _(h_slider):
    step = certify(Step(h_slider.value).eval(), (2,), effort="quick")
    box(*judged(step, "This step is"), told(step))
    return (step,)


@app.cell(hide_code=True)
def _(h_slider, step):
    show(draw_step(h_slider.value, step), "The sum's bound and the sharp one, over h.")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## 8. Several rules, one bound

    For a chain of layers the product of the norms is always true, and seldom sharp: each layer would have to
    do its worst in the direction in which the one before did. The *Riccati recursion*
    (`E1.riccati`) looks at the chain as a whole. All rules are recorded, and the smallest
    counts. With slope 1 the chain is linear, and bracket and truth nearly coincide.
    """)
    return


@app.cell(hide_code=True)
def _():
    slope_slider = slider(0.0, 1.0, 0.05, 0.1, "slope of LeakyReLU")
    slope_slider
    return (slope_slider,)


@app.cell(hide_code=True)
def _(slope_slider):
    chains = [certify(chain(depth, slope_slider.value), (WIDTH,), effort="quick") for depth in DEPTHS]
    show(draw_chains(chains), "Product, Riccati recursion and lower end by depth, logarithmically.")
    return (chains,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## 9. A certificate is a file

    A bound that one has to *believe* is not worth much. `certificate.save(folder)` writes two files: the
    weights, and a text with graph, rules, numbers, assumptions and the SHA-256 of the weights.
    `flowcert certificate check FOLDER` derives every line **anew** and evaluates the witness anew, without
    PyTorch. Below it runs in another Python, in which importing torch is forbidden.
    """)
    return


@app.cell(hide_code=True)
def _():
    small = certify(chain(2, 0.1), (WIDTH,), effort="quick")
    without_torch, excerpt = check_elsewhere(small)
    mo.md(f"```\n{excerpt}\n```\n\n```\n{without_torch}\n```")
    return small, without_torch


@app.cell(hide_code=True)
def _():
    forge_slider = slider(0.9, 1.1, 0.001, 0.99, "the recorded upper end, times")
    mo.vstack([mo.md("Now **tamper** with it. A bound that is too large is true as well."), forge_slider])
    return (forge_slider,)


@app.cell(hide_code=True)
def _(forge_slider, small):
    tampered = tamper(small, forge_slider.value)
    mo.md(
        "| tampering | verdict | reason |\n|:--|:--|:--|\n"
        + "\n".join(
            f"| {name} | {'✓' if result.holds else '✗'} {result.verdict} | {(result.reasons or ('',))[0]} |"
            for name, result in tampered.items()
        )
    )
    return (tampered,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## 10. What it does not say

    **The bracket is that of the function, not of its execution.** $x \mapsto (x + 1000) - 1000$ is the identity,
    certified. Executed in float32 it is a staircase: two neighbouring inputs can land on different steps. A radius,
    however, can be asked for under an arithmetic: it then pays for the rounding, and below a certain
    margin nothing is left.
    """)
    return


@app.cell(hide_code=True)
def _():
    staircase = execute()
    box(
        "danger",
        f"""### ✗ Certified [{staircase["certificate"].lower:.8f}, {staircase["certificate"].upper:.8f}], executed {staircase["quotient"]:.3g}

In float32 the inputs {staircase["pair"][0]!r} and {staircase["pair"][1]!r} have the values {staircase["values"][0]:g} and {staircase["values"][1]:g}.""",
    )
    return (staircase,)


@app.cell(hide_code=True)
def _(staircase):
    show(draw_execution(staircase), "Left the staircase; right certified radii by margin.")
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **What you assert is not checked.** A layer of your own may come with a rule of your own. Here somebody
    says ½ of a layer that doubles. The checker cannot see inside; it does say on what its verdict rests.
    """)
    return


@app.cell(hide_code=True)
def _(small):
    liar = Certifier()
    liar.rule(Doubling, 0.5)
    asserted = liar(Doubling().eval(), (2,))
    asserted_check = check_certificate(asserted)
    mo.md(
        f"> upper end {asserted.upper:g}: **{asserted_check.verdict}** ({'; '.join(asserted_check.asserted)})\n\n"
        "**What is assumed and trusted** is written in every certificate:\n\n"
        + "\n".join(f"- {line}" for line in (*small.assumptions, small.trusted))
    )
    return asserted, asserted_check


@app.cell(hide_code=True)
def _():
    mo.md("""## Exercises\n\nTry first, then unfold.""")
    return


@app.cell(hide_code=True)
def _():
    mean = flattened_kernel(1.0)["certificate"]
    largest_step = certify(Step(2.0).eval(), (2,), effort="quick")
    beyond = certify(Step(2.01).eval(), (2,), effort="quick")
    hundred = certify(chain(1, 0.0, scale=0.01), (WIDTH,), effort="quick")
    mo.vstack(
        [
            exercise(
                "**1.** In part 3, which 3 × 3 kernel of flattened norm 1 has the largest gain, and how large is it? Guess, then move the slider.",
                rf"""
                The constant one: by the Cauchy–Schwarz inequality a gain is at most
                $\sum|K_{{ij}}| \le \sqrt9\,\|K\| = 3$, and at frequency 0 the constant kernel attains it. With zero padding on
                {IMAGE} × {IMAGE} images: [{mean.lower:.4f}, {mean.upper:.4f}].
                """,
            ),
            exercise(
                "**2.** In part 7, what is the longest step that is proved to be 1-Lipschitz? Is a longer one merely not proved?",
                rf"""
                $h = 2/\|A\|^2 = 2$ is the limit, with upper end {largest_step.upper:.9f} (the norm itself is rounded
                up). At $h = 2.01$ the lower end is {beyond.lower:.6f}: refuted, by a witness.
                """,
            ),
            exercise(
                "**3.** A program reports “Lipschitz constant 0.83 (estimated)”, a certificate [0.79, 1.20]. Is the network 1-Lipschitz? What would you do?",
                r"""
                Nobody knows yet. The estimate says nothing that the lower end does not. Search harder (`effort="thorough"`, `points=` of
                your data) in the hope of a lower end above 1; give the `domain` if inputs are pixels; divide the
                last layer by 1.2 if you need a proof today.
                """,
            ),
            exercise(
                "**4.** Divide all weights of a network with one hidden layer by 100. What happens to a bracket, and why is a bracket better reported relative to its upper end?",
                rf"""
                Both ends shrink by $10^4$: [{hundred.lower:.3e}, {hundred.upper:.3e}]. An absolute
                tolerance of $10^{{-3}}$ would call *anything* right here; relatively
                {1 - hundred.lower / hundred.upper:.1%} is unknown, as before.
                """,
            ),
        ]
    )
    return beyond, hundred, largest_step, mean


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## To remember

    - What comes from below (power iteration, samples, gradients) can refute a claim, never prove it.
    - Ask of every norm: of *which* matrix, with *which* padding, in *which* arithmetic?
    - A certificate has two ends, a reason for each, and a checker that needs neither its maker nor PyTorch.
    - Read its assumptions. They are short.

    The claims behind: `flowcert claim E2.certified_radius`, `E2.pairwise_radius`, `E1.product`,
    `E1.riccati`, `D2.general_gradient_step`, `E1.torus_compression`, `E1.execution_error`.
    """)
    return


@app.class_definition
class Step(nn.Module):
    """x − h·Aᵀσ(Ax + b), A with singular values 1 and 0.6, as people write it."""

    def __init__(self, h: float) -> None:
        super().__init__()
        self.h, self.A = h, nn.Parameter(torch.from_numpy(ROWS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - self.h * nn.functional.leaky_relu(x @ self.A.T + 0.25, SLOPE) @ self.A


@app.class_definition
class Bump(nn.Module):
    """x/2, and a tent of slopes ±8 of this half width."""

    def __init__(self, width: float) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(1, 3).double(), nn.Linear(3, 1, bias=False).double()
        self.first.weight.data.fill_(1.0)
        self.first.bias.data = torch.tensor([width, 0.0, -width]).double() - PLACE
        self.last.weight.data = STEEP * torch.tensor([[1.0, -2.0, 1.0]]).double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0.5 * x + self.last(torch.relu(self.first(x)))


@app.class_definition
class There(nn.Module):
    """The identity, by way of 1000."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x + OFFSET) - OFFSET


@app.class_definition
class Doubling(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x
