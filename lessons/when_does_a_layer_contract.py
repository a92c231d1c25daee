# Open it with `marimo run lessons/when_does_a_layer_contract.py` (or `marimo edit` to see the code),
# after `pip install "flowcert[lessons]"`.

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="When does a layer contract?")

with app.setup:
    from dataclasses import dataclass

    import marimo as mo
    import matplotlib.axes
    import matplotlib.figure
    import numpy as np

    from flowcert import theory
    from flowcert.figures import styling
    from flowcert.numerics import (
        ExpansiveGradientField,
        GradientField,
        euler_step,
        euler_trajectory,
        leaky_relu,
    )

    LAYERS = 8  # how often the layer of part 1 is repeated
    PAIRS = 4  # how often the pair of part 2 is repeated
    TURN = np.deg2rad(30)  # the singular directions, turned so that no axis is special
    AXES = np.array([[np.cos(TURN), np.sin(TURN)], [-np.sin(TURN), np.cos(TURN)]])
    START = np.array([1.5, 1.25])  # the first point, along the rows of AXES
    GAP = 0.8  # how far from it the second point starts
    WINDOW = (4.5, 2.5)  # of the picture of the region: h_C and h_E
    FIRST_POINT, SECOND_POINT = (
        "#009E73",
        "#CC79A7",
    )  # safe for colour-blind eyes, as all colours here


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # When does a layer contract?

    A residual layer $x \mapsto x + h f(x)$ is one **explicit Euler step** of size $h$ for the
    differential equation $\dot x = f(x)$. This is more than an analogy. If every solution of the
    equation moves closer to every other, we may hope that the layer brings its inputs closer
    together too, and a network of such layers cannot blow up a small disturbance of a picture,
    whatever was learned.

    The field that makes this work is the negative gradient

    $$f(x) = -A^{T}\Sigma(Ax + b) = -\nabla V(x), \qquad V(x) = \sum_i \gamma\big((Ax + b)_i\big),
    \qquad \gamma' = \sigma,$$

    where $\Sigma$ applies an increasing activation $\sigma$ to each component, with slopes between
    $a$ and $1$. (LeakyReLU has slope $a$ for negative arguments; ReLU is the case $a = 0$.) $V$ is
    a convex valley and a solution runs downhill.

    **What the flow promises.** Since all slopes of $\sigma$ lie in $[a, 1]$,
    $\Sigma(Ax + b) - \Sigma(Ay + b) = D\,A(x - y)$ with a diagonal $D$ whose entries lie there too. Hence $\langle f(x) - f(y), x - y\rangle \le -a\,\sigma_{\min}^2\,|x - y|^2$, where
    $\sigma_{\min}$ and $\sigma_{\max}$ are the extreme singular values of $A$ ($\sigma_{\min} = 0$ if $A$ has fewer rows than
    columns), and

    $$|x(t) - y(t)| \le e^{-a\,\sigma_{\min}^2\,t}\;|x(0) - y(0)| \qquad\text{for all } t \ge 0.$$

    The flow keeps this promise for ever. The layer is not the flow, though: it takes one straight
    step, and a step that is too long crosses the valley and lands higher up on the other side.
    **What does the step cost?** There are two answers: that of the paper which
    introduced these layers (Celledoni, Murari, Owren, Schönlieb, Sherry, *Dynamical systems' based
    neural networks*, 2023), here called *the authors'*, and the best possible one.

    /// details | The authors' factor: $\sqrt{1 - 2ah + h^2}$

    Write $d = x - y$ and $g = A^{T}DA\,d$, so that the layer takes $d$ to $d - hg$. Then

    $$|d - hg|^2 = |d|^2 - 2h\,\langle g, d\rangle + h^2 |g|^2 \le (1 - 2h\mu + h^2L^2)\,|d|^2,
    \qquad \mu = a\,\sigma_{\min}^2,\quad L = \sigma_{\max}^2.$$

    If $A^{T}A = I$ this is the factor $\sqrt{1 - 2ah + h^2}$ of the paper, at most $1$ for
    $h \le 2a$; in general the limit is $h \le 2\mu/L^2$. It holds for *every* field that is
    $\mu$-monotone and $L$-Lipschitz. But it pays twice: the middle term is taken at the least
    favourable $g$, and so is the last, as if one $g$ could be both. A rotating field can do that.
    A gradient cannot.
    ///

    /// details | The sharp factor: $\max(|1 - ah|, |1 - h|)$

    The matrix $A^{T}DA$ is symmetric, with eigenvalues $\lambda$ between $a\,\sigma_{\min}^2$ and
    $\sigma_{\max}^2$. So $d - hg = (I - hA^{T}DA)\,d$, and the norm of a symmetric matrix is its
    largest eigenvalue in modulus:

    $$|d - hg| \le \max_\lambda |1 - h\lambda|\;|d| =
    \max\big(|1 - h\,a\,\sigma_{\min}^2|,\; |1 - h\,\sigma_{\max}^2|\big)\,|d|.$$

    This is at most $1$ exactly for $0 \le h \le 2/\sigma_{\max}^2$, whatever $a$ is. And it is
    *sharp*: both values are attained, the first along the singular direction of $\sigma_{\min}$
    where all slopes are $a$, the second along that of $\sigma_{\max}$ where all slopes are $1$.
    ///

    ## 1. One layer

    Two points go through the same layer again and again. The example is the worst there is: its
    biases and its second point are chosen so that each step *attains* the sharp factor. Move $h$
    past $2a$, where the authors' bound gives up, and then past $2/\sigma_{\max}^2$.
    """)
    return


@app.cell(hide_code=True)
def _():
    h_slider = mo.ui.slider(
        0.0, 2.6, 0.01, value=1.5, label="step $h$", include_input=True, full_width=True
    )
    a_slider = mo.ui.slider(
        0.0, 1.0, 0.01, value=0.5, label="slope $a$", include_input=True, full_width=True
    )
    sigma_min_slider = mo.ui.slider(
        0.0, 1.0, 0.01, value=1.0, label=r"$\sigma_{\min}$", include_input=True, full_width=True
    )
    sigma_max_slider = mo.ui.slider(
        1.0, 1.5, 0.01, value=1.0, label=r"$\sigma_{\max}$", include_input=True, full_width=True
    )
    return a_slider, h_slider, sigma_max_slider, sigma_min_slider


@app.cell(hide_code=True)
def _(a_slider, h_slider, sigma_max_slider, sigma_min_slider):
    h, a = h_slider.value, a_slider.value
    sigma_min, sigma_max = sigma_min_slider.value, sigma_max_slider.value
    return a, h, sigma_max, sigma_min


@app.cell(hide_code=True)
def _(a_slider, h_slider, sigma_max_slider, sigma_min_slider):
    mo.vstack(
        [
            mo.hstack([h_slider, a_slider], widths="equal", gap=2),
            mo.hstack([sigma_min_slider, sigma_max_slider], widths="equal", gap=2),
        ]
    )
    return


@app.cell(hide_code=True)
def _(a, h, sigma_max, sigma_min):
    layer_verdict = judge_layer(h, a, sigma_min, sigma_max)
    trajectories = two_trajectories(h, a, sigma_min, sigma_max)
    box(layer_verdict, tell_layer(layer_verdict, distances(trajectories)))
    return layer_verdict, trajectories


@app.cell(hide_code=True)
def _(a, h, layer_verdict, sigma_max, sigma_min, trajectories):
    layer_picture = draw_layer(h, a, sigma_min, sigma_max, trajectories, layer_verdict)
    show(
        layer_picture,
        "Left, two points in the plane through repeated layers and the level lines of a valley; "
        "right, their distance after each layer, with the sharp and the authors' bound.",
    )
    return (layer_picture,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    On the left the two points in the valley of $V$ (dark is low), joined by a thin line before and
    after each layer. With $\sigma_{\max} = 1$ they jump across the valley from $h = 1$ on, and still come
    closer up to $h = 2$. On the right their distance on a logarithmic scale, in units of the first
    one. It lies *on* the sharp bound: without knowing the biases nothing better can be said. The
    dotted line is what the exact flow promises over the same time. Small steps keep close to it;
    large ones leave it, and past the limit they break the promise altogether.

    /// details | How the example is built

    With the singular directions $u$, $v$ (turned by 30°) the matrix has the four rows
    $\pm\tfrac{1}{\sqrt 2}\sigma_{\max} u$ and $\pm\tfrac{1}{\sqrt 2}\sigma_{\min} v$, so its
    singular values are $\sigma_{\max}$ and $\sigma_{\min}$. Large positive biases on the first two
    rows keep both slopes at $1$ wherever the points go; large negative ones on the last two keep
    them at $a$. Along $u$ one layer therefore multiplies by $1 - h\sigma_{\max}^2$, along $v$ by
    $1 - ah\sigma_{\min}^2$. The second point starts next to the first in the direction in which
    this is larger in modulus.
    ///

    ## 2. A pair of layers

    A network whose layers all contract may forget too much. The authors therefore alternate: a
    contractive layer with step $h_C$, cut into $S$ sub-steps, and an expansive one,
    $x + h_E\,f_E(x)$ with $f_E(x) = A^{T}\Sigma(Ax + b)$ or $\Sigma(Bx + c)$, of norm one. Its factor is
    $1 + h_E$. With $q$ the factor of one contractive sub-step, of size $h_C/S$, the pair
    does not expand if

    $$\underbrace{(1 + h_E)\,q^{S} \le 1}_{\text{whole expansive: } S \text{ contractive sub-steps, one expansive step}}
    \qquad\text{or}\qquad
    \underbrace{(1 + h_E/S)^{S}\,q^{S} \le 1}_{\text{alternating: } S \text{ times one sub-step of each kind}}$$

    Here $A^{T}A = I$, so $q = \sqrt{1 - 2at + t^2}$ for the authors and
    $q = \max(|1 - t|, |1 - at|)$ sharply, with $t = h_C/S$. Each bound turns into a **region** of
    admissible step pairs $(h_C, h_E)$. The slope $a$ is the one from above.
    """)
    return


@app.cell(hide_code=True)
def _():
    h_C_slider = mo.ui.slider(
        0.0,
        WINDOW[0],
        0.01,
        value=2.5,
        label="contractive step $h_C$",
        include_input=True,
        full_width=True,
    )
    h_E_slider = mo.ui.slider(
        0.0,
        WINDOW[1],
        0.01,
        value=0.6,
        label="expansive step $h_E$",
        include_input=True,
        full_width=True,
    )
    S_slider = mo.ui.slider(
        1, 4, 1, value=2, label="sub-steps $S$", show_value=True, full_width=True
    )
    family_choice = mo.ui.radio(
        {"whole expansive": "whole_expansive", "alternating": "alternating"},
        value="whole expansive",
        inline=True,
    )
    return S_slider, family_choice, h_C_slider, h_E_slider


@app.cell(hide_code=True)
def _(S_slider, family_choice, h_C_slider, h_E_slider):
    h_C, h_E = h_C_slider.value, h_E_slider.value
    S, family = S_slider.value, family_choice.value
    return S, family, h_C, h_E


@app.cell(hide_code=True)
def _(S_slider, a_slider, family_choice, h_C_slider, h_E_slider):
    mo.vstack(
        [
            mo.hstack([h_C_slider, h_E_slider], widths="equal", gap=2),
            mo.hstack([a_slider, mo.vstack([S_slider, family_choice])], widths="equal", gap=2),
        ]
    )
    return


@app.cell(hide_code=True)
def _(S, a, family, h_C, h_E):
    pair_verdict = judge_pair(family, S, a, h_C, h_E)
    pair_distances, step_kinds = distances_through_pairs(family, S, a, h_C, h_E)
    box(pair_verdict, tell_pair(pair_verdict, pair_distances))
    return pair_distances, pair_verdict, step_kinds


@app.cell(hide_code=True)
def _(S, a, family, h_C, h_E, pair_distances, pair_verdict, step_kinds):
    pair_picture = draw_pair(family, S, a, h_C, h_E, pair_distances, step_kinds, pair_verdict)
    show(
        pair_picture,
        "Left, the regions of admissible step pairs by the authors' and the sharp bound with the "
        "chosen pair in it; right, the distance of two points through repeated pairs.",
    )
    return (pair_picture,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Inside the authors' region (blue) everybody agrees; in the sharp region alone (orange) the
    authors' bound cannot tell, and the pair does not expand; outside both it does, for some
    matrices and biases: the example on the right is such a one. What the contractive sub-steps save (circles), the
    expansive ones may spend (triangles).

    ## Exercises

    Try first, then unfold.
    """)
    return


@app.cell(hide_code=True)
def _():
    best = theory.bounds.formula_best_step(0.5)
    relu_verdict = judge_layer(2.0, 0.0)
    tilted_verdict = judge_layer(1.0, 0.5, sigma_min=0.2)
    published = judge_pair("whole_expansive", 2, 0.5, 0.11, 0.07)
    same_matrix = float(theory.bounds.bound_same_matrix_factor(0.5, 0.11, 0.07, 2))
    mo.vstack(
        [
            exercise(
                r"**1.** Take $a = \tfrac12$ and $\sigma_{\min} = \sigma_{\max} = 1$. Which step contracts fastest, and by how much? Why does the second point jump to another place there?",
                rf"""
                $h = 2/(1 + a) = {best:.4f}$, with factor
                ${judge_layer(best, 0.5).sharp:.4f}$: one third. There $1 - ah$ and $h - 1$ are
                equal. Below it the worst direction is that of slope $a$, in which the layer does
                too little; above it that of slope $1$, in which it does too much. The second point
                always starts in the worst direction, so it jumps where the two change places. By
                the authors' bound the best step is $h = a$, with factor $\sqrt{{1 - a^2}} =
                {judge_layer(0.5, 0.5).authors:.4f}$ only.
                """,
            ),
            exercise(
                r"**2.** Take $a = 0$, that is, ReLU. For which steps does the authors' bound show that the layer does not expand? And the truth? Look at $h = 2$.",
                rf"""
                For none but $h = 0$: $\sqrt{{1 + h^2}} > 1$, since nothing contracts where ReLU is
                flat. In truth every $h \le 2$ will do; the factor is exactly ${relu_verdict.sharp:.0f}$.
                At the end, $h = 2/\|W\|^2$, stands $x - \tfrac{{2}}{{\|W\|^2}}\,W^T\mathrm{{ReLU}}(Wx + b)$,
                the strongest non-expansive layer of this kind. It is known in the literature as
                the *convex potential layer*, and it can sort two numbers.
                """,
            ),
            exercise(
                r"**3.** “Our weights have norm 1, so at $a = \tfrac12$ and $h = 1$ the factor is ½.” Set $\sigma_{\min} = 0.2$. What is wrong with that?",
                rf"""
                The norm is $\sigma_{{\max}}$; the contraction comes from $\sigma_{{\min}}$. The factor is
                ${tilted_verdict.sharp:.2f}$, and with $\sigma_{{\min}} = 0$ (a matrix with fewer rows than
                columns, say) it is $1$: no contraction, and nothing left to pay for an
                expansive step. It happens unnoticed: a convolution with an orthogonal
                kernel loses border pixels by zero padding, and $\sigma_{{\min}}$ drops. What survives is
                the limit: $h \le 2/\sigma_{{\max}}^2$ does not ask for $\sigma_{{\min}}$.
                """,
            ),
            exercise(
                r"**4.** A published network has, rounded, a pair with $h_C = 0.11$, $h_E = 0.07$ ($a = \tfrac12$, $S = 2$, whole expansive). What do the two bounds say? All its steps share one $(A, b)$: does that matter?",
                rf"""
                It lies outside both regions (sharp factor ${published.sharp:.4f}$). But the
                sharp product needs different matrices or biases, or a tall matrix, to be attained: the
                contractive steps do their worst where slopes are $a$, the expansive one where they
                are $1$. If one square orthogonal $A$ and one $b$ serve all steps, no point has
                both, and the pair's exact constant is ${same_matrix:.4f} < 1$. A verdict on steps
                must say which criterion it used. (Whether the published, zero-padded matrices *are*
                orthogonal is exercise 3.)
                """,
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## To remember

    - The flow never carries points apart. The layer keeps to that exactly as long as
      $h \le 2/\sigma_{\max}^2$.
    - A bound that gives up says nothing about the layer. Ask whether it is *sharp*.
    - For a gradient field it pays to use that the Jacobian is symmetric: at $a = \tfrac12$ twice the step,
      and a best factor of $\tfrac13$ in place of $\tfrac12\sqrt3$.

    Everything here is a claim that proves itself: try `flowcert claim D2.sharp_factor`,
    `D1.authors_factor`, `D3.nonexpansive_step`, `D2.region_inclusion` or `D6.same_matrix_factor`.
    The numbers in the boxes come from `flowcert.theory.bounds` and are rounded outward; whether a
    box is red is decided in exact arithmetic.
    """)
    return


@app.class_definition
@dataclass(frozen=True)
class Verdict:
    """What both bounds say of a layer or a pair.

    ``sharp`` and ``authors`` bound the Lipschitz constant; the limits are the largest step (of a
    pair: the largest h_E for this h_C) that each bound admits, NaN where it admits none.
    ``expands`` and ``authors_admit`` are decided exactly.
    """

    sharp: float
    authors: float
    sharp_limit: float
    authors_limit: float
    expands: bool
    authors_admit: bool


@app.function
def judge_layer(h: float, a: float, sigma_min: float = 1.0, sigma_max: float = 1.0) -> Verdict:
    """Judge x − h·AᵀΣ(Ax + b): does it expand for some bias, and does the authors' bound know?"""
    bounds = theory.bounds
    mu = -bounds.bound_gradient_rate(a, sigma_min)  # rounded down
    L = bounds.bound_expansive_gradient_rate(sigma_max)  # rounded up
    authors = float(bounds.bound_monotone_lipschitz_factor(mu, L, h))
    return Verdict(
        sharp=float(bounds.bound_contractive_factor(a, h, sigma_min, sigma_max)),
        authors=authors,
        sharp_limit=float(bounds.bound_nonexpansive_step(L)),
        authors_limit=float(bounds.bound_monotone_step(mu, L)),
        expands=bool(bounds.exact_contractive_factor(a, h, sigma_min, sigma_max) > 1),
        authors_admit=authors <= 1,
    )


@app.function
def judge_pair(family: str, S: int, a: float, h_C: float, h_E: float) -> Verdict:
    """Judge a pair with AᵀA = I: does it expand for some matrices and biases?"""
    authors = theory.StepRegion(family, "authors", S, a)
    sharp = theory.StepRegion(family, "sharp", S, a)
    return Verdict(
        sharp=float(sharp.bound_factor(h_C, h_E)),
        authors=float(authors.bound_factor(h_C, h_E)),
        sharp_limit=float(sharp.bound_expansive_limit(h_C)),
        authors_limit=float(authors.bound_expansive_limit(h_C)),
        expands=not sharp.exact_contains(h_C, h_E),
        authors_admit=authors.exact_contains(h_C, h_E),
    )


@app.function
def rows(sigma_max: float, sigma_min: float) -> np.ndarray:
    """The matrix of the example: rows ±σ_max·u/√2 and ±σ_min·v/√2, u and v the rows of AXES."""
    u, v = AXES
    return np.array([sigma_max * u, -sigma_max * u, sigma_min * v, -sigma_min * v]) / np.sqrt(2)


@app.function
def worst_field(a: float, sigma_min: float, sigma_max: float, reach: float) -> GradientField:
    """The field with slope 1 along σ_max and slope a along σ_min, for all |Ax| < ``reach``."""
    biases = reach * np.array([1.0, 1.0, -1.0, -1.0])
    return GradientField(rows(sigma_max, sigma_min), biases, leaky_relu(a))


@app.function
def two_points(h: float, a: float, sigma_min: float, sigma_max: float) -> np.ndarray:
    """The two starting points; the second one lies in the direction of the layer's worst factor."""
    too_little = abs(1 - h * a * sigma_min**2) > abs(1 - h * sigma_max**2)
    return np.array([START, START - GAP * np.array([not too_little, too_little])]) @ AXES


@app.function
def two_trajectories(
    h: float, a: float, sigma_min: float = 1.0, sigma_max: float = 1.0, layers: int = LAYERS
) -> np.ndarray:
    """Both points after 0, 1, …, ``layers`` layers, shape (layers + 1, point, coordinate)."""
    factor = float(theory.bounds.bound_contractive_factor(a, h, sigma_min, sigma_max))
    reach = 4 * sigma_max * max(1.0, factor) ** layers  # so far no slope changes
    field = worst_field(a, sigma_min, sigma_max, reach)
    return euler_trajectory(field, two_points(h, a, sigma_min, sigma_max), h, layers)


@app.function
def distances(trajectories: np.ndarray) -> np.ndarray:
    """The distance of the two points after each layer, in units of the first one."""
    apart = np.linalg.norm(trajectories[:, 0] - trajectories[:, 1], axis=-1)
    return apart / apart[0]


@app.function
def distances_through_pairs(
    family: str, S: int, a: float, h_C: float, h_E: float, pairs: int = PAIRS
) -> tuple[np.ndarray, list[str]]:
    """The distance of two points after each (sub-)step of repeated pairs, and the steps' kinds."""
    t = h_C / S
    if family == "alternating":
        pair = [("contractive", t), ("expansive", h_E / S)] * S
    else:
        pair = [("contractive", t)] * S + [("expansive", h_E)]
    reach = (
        4 * (max(1.0, abs(1 - t), abs(1 - a * t)) ** S * (1 + h_E / S) ** S * (1 + h_E)) ** pairs
    )
    contractive = worst_field(a, 1.0, 1.0, reach)
    expansive = ExpansiveGradientField(rows(1.0, 1.0), np.full(4, reach), leaky_relu(a))
    kinds, states = [], [two_points(t, a, 1.0, 1.0)]
    for kind, step in pair * pairs:
        field = contractive if kind == "contractive" else expansive
        states.append(euler_step(field, states[-1], step))
        kinds.append(kind)
    return distances(np.array(states)), kinds


@app.function
def tell_layer(verdict: Verdict, apart: np.ndarray) -> str:
    """The verdict on a layer in words, for the box."""
    if verdict.expands:
        head = "### ✗ This layer expands\n\nThe step is beyond the limit: it carries the two points further apart."
    elif verdict.sharp < 1:
        head = "### ✓ This layer contracts\n\nIt brings any two points closer, whatever the bias."
    else:
        head = "### ✓ This layer does not expand\n\nIt takes no two points further apart; some keep their distance."
    if not verdict.expands and not verdict.authors_admit:
        head += " **The authors' bound gives up here**, the sharp one does not."
    return f"{head}\n\n{tell_bounds(verdict, 'holds up to $h$ =')}\n{tell_measured(apart[1], 'one layer')}"


@app.function
def tell_pair(verdict: Verdict, apart: np.ndarray) -> str:
    """The verdict on a pair in words, for the box."""
    if verdict.expands:
        head = "### ✗ This pair expands\n\nThe point lies outside the sharp region: for some matrices and biases the pair carries points further apart."
    else:
        head = "### ✓ This pair does not expand\n\nThe point lies inside the sharp region"
        head += (
            " and the authors'."
            if verdict.authors_admit
            else "; **the authors' bound gives up here**."
        )
    measured = apart[(len(apart) - 1) // PAIRS]
    return f"{head}\n\n{tell_bounds(verdict, 'at this $h_C$ admits $h_E$ up to')}\n{tell_measured(measured, 'one pair')}"


@app.function
def tell_bounds(verdict: Verdict, limit_name: str) -> str:
    """Both bounds as the rows of a table."""

    def limit(value: float) -> str:
        return "none" if np.isnan(value) else "any" if np.isinf(value) else f"{value:.4f}"

    def says(factor: float, admits: bool, otherwise: str) -> str:
        if not admits:
            return otherwise
        return "contracts" if factor < 1 else "does not expand"

    authors = says(verdict.authors, verdict.authors_admit, "cannot tell")
    sharp = says(verdict.sharp, not verdict.expands, "**expands**")
    return (
        f"| | factor | says | {limit_name} |\n|:--|--:|:--|--:|\n"
        f"| authors' bound | {verdict.authors:.4f} | {authors} | {limit(verdict.authors_limit)} |\n"
        f"| sharp bound | {verdict.sharp:.4f} | {sharp} | {limit(verdict.sharp_limit)} |"
    )


@app.function
def tell_measured(factor: float, per: str) -> str:
    """What the two points of the example did, as one more row of the table."""
    return f"| measured on the two points | {factor:.4f} | in {per} | |"


@app.function
def draw_layer(
    h: float,
    a: float,
    sigma_min: float,
    sigma_max: float,
    trajectories: np.ndarray,
    verdict: Verdict,
) -> matplotlib.figure.Figure:
    """The two trajectories in the plane, and their distance beside the bounds."""
    with styling.styled():
        picture = matplotlib.figure.Figure(figsize=(8.2, 3.7))
        plane, decay = picture.subplots(1, 2)

        side = np.linspace(-2.4, 2.4, 81)
        grid = np.stack(np.meshgrid(side, side), axis=-1)
        V = -worst_field(a, sigma_min, sigma_max, reach=20.0).potential(grid)
        V -= V[40, 40]
        plane.contourf(
            side,
            side,
            V,
            levels=np.linspace(-1e-9, 8, 13),
            cmap="Greys_r",
            alpha=0.35,
            extend="max",
        )
        for points in trajectories:
            plane.plot(*points.T, color="#888888", linewidth=0.6, zorder=1.5)
        for which, (colour, marker, name) in enumerate(
            [(FIRST_POINT, "o", "first point"), (SECOND_POINT, "s", "second point")]
        ):
            track = trajectories[:, which]
            plane.plot(*track.T, color=colour, marker=marker, label=name)
            plane.plot(
                *track[0], color=colour, marker=marker, markersize=9, markeredgecolor="black"
            )
        plane.set(
            xlim=(-2.4, 2.4), ylim=(-2.4, 2.4), aspect="equal", xlabel="$x_1$", ylabel="$x_2$"
        )
        legend(plane, "lower left")
        styling.name_panel(plane, "a", "through the layers, from the large marks on")

        k = np.arange(len(trajectories))
        rate = theory.bounds.bound_gradient_rate(a, sigma_min)
        decay.axhline(1, color="#444444", linewidth=0.6)
        decay.plot(
            k, verdict.authors**k, color=styling.AUTHORS, linestyle="--", label="authors' bound"
        )
        decay.plot(k, verdict.sharp**k, color=styling.SHARP, linewidth=2.4, label="sharp bound")
        decay.plot(
            k, np.exp(rate * h * k), color="#444444", linestyle=":", label="bound of the exact flow"
        )
        decay.plot(
            k,
            distances(trajectories),
            color=styling.POINT,
            marker="o",
            linestyle="",
            label="measured",
        )
        decay.set(
            yscale="log", ylim=(1e-3, 1e2), xlim=(-0.2, k[-1] + 0.2), xlabel="layer", xticks=k
        )
        legend(decay, "lower left" if verdict.sharp > 0.45 else "upper right")
        styling.name_panel(decay, "b", "distance / first distance")
    return picture


@app.function
def draw_pair(
    family: str,
    S: int,
    a: float,
    h_C: float,
    h_E: float,
    apart: np.ndarray,
    kinds: list[str],
    verdict: Verdict,
) -> matplotlib.figure.Figure:
    """The regions with the chosen pair, and two points through repeated pairs."""
    with styling.styled():
        picture = matplotlib.figure.Figure(figsize=(8.2, 3.7))
        plane, decay = picture.subplots(1, 2)

        steps = np.linspace(0, WINDOW[0], 901)
        looks = {
            "sharp": {"facecolor": styling.SHARP, "alpha": 0.55, "label": "sharp region"},
            "authors": {"facecolor": styling.AUTHORS, "alpha": 0.75, "label": "authors' region"},
        }
        for bound, look in looks.items():
            limit = theory.StepRegion(family, bound, S, a).estimate_expansive_limit(steps)
            top = np.clip(limit, 0, WINDOW[1])
            plane.fill_between(steps, 0, top, where=limit >= 0, linewidth=0, **look)
        mark = "X" if verdict.expands else "o"
        face = "#D00000" if verdict.expands else "white"
        plane.plot(
            h_C,
            h_E,
            mark,
            color=face,
            markersize=10,
            markeredgecolor="black",
            clip_on=False,
            zorder=6,
        )
        plane.set(xlim=(0, WINDOW[0]), ylim=(0, WINDOW[1]), xlabel="$h_C$", ylabel="$h_E$")
        legend(plane, "upper right")
        styling.name_panel(plane, "a", "admissible step pairs, and the chosen one")

        k = np.arange(len(apart))
        ends = np.arange(PAIRS + 1) * (len(kinds) // PAIRS)
        decay.axhline(1, color="#444444", linewidth=0.6)
        decay.plot(
            ends,
            verdict.authors ** np.arange(PAIRS + 1),
            color=styling.AUTHORS,
            linestyle="--",
            label="authors' bound, per pair",
        )
        decay.plot(
            ends,
            verdict.sharp ** np.arange(PAIRS + 1),
            color=styling.SHARP,
            linewidth=2.4,
            label="sharp bound, per pair",
        )
        decay.plot(k, apart, color=styling.POINT, linewidth=0.8)
        for kind, marker in (("contractive", "o"), ("expansive", "^")):
            chosen = [i + 1 for i, name in enumerate(kinds) if name == kind]
            decay.plot(
                chosen, apart[chosen], marker, color=styling.POINT, label=f"after {kind} step"
            )
        decay.set(
            yscale="log", ylim=(1e-3, 1e2), xlim=(-0.2, k[-1] + 0.2), xlabel="step", xticks=ends
        )
        legend(decay, "lower left" if verdict.sharp > 0.45 else "upper right")
        styling.name_panel(decay, "b", "distance / first distance")
    return picture


@app.function
def legend(axes: matplotlib.axes.Axes, place: str) -> None:
    """A legend that stays readable where a curve runs behind it."""
    axes.legend(loc=place, frameon=True, framealpha=0.9, edgecolor="none")


@app.function
def box(verdict: Verdict, words: str) -> mo.Html:
    """The verdict on the page: red if it expands, green if not."""
    kind, tint = (
        ("danger", "rgba(220, 0, 0, 0.13)")
        if verdict.expands
        else ("success", "rgba(0, 140, 60, 0.09)")
    )
    return mo.style(mo.callout(mo.md(words), kind=kind), {"background-color": tint})


@app.function
def exercise(question: str, answer: str) -> mo.Html:
    """A question, and its answer folded away."""
    return mo.vstack([mo.md(question), mo.accordion({"Answer": mo.md(answer)})], gap=0.25)


@app.function
def show(picture: matplotlib.figure.Figure, description: str) -> mo.Html:
    """A picture on the page, sharp at any size."""
    with styling.styled():
        svg = styling.render(picture, "svg").decode()
    svg = svg[svg.index("<svg") :].replace("<svg ", '<svg style="width: 100%; height: auto" ', 1)
    return mo.Html(
        f'<div role="img" aria-label="{description}" style="background: white">{svg}</div>'
    )


if __name__ == "__main__":
    app.run()
