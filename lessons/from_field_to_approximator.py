# Open it with `marimo run lessons/from_field_to_approximator.py` (or `marimo edit` to see the code),
# after `pip install "flowcert[lessons]"`.

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="From a field to an approximator")

with app.setup:
    from collections.abc import Callable, Iterable
    from dataclasses import replace

    import marimo as mo
    import matplotlib.figure
    import matplotlib.patches
    import numpy as np
    import sympy

    from flowcert.figures import styling
    from flowcert.numerics import RidgePotentialField
    from flowcert.theory import approximation as universal
    from flowcert.theory.approximation.analysis import FieldAnalysis
    from flowcert.theory.approximation.construction import ball_points, true_flow
    from flowcert.theory.approximation.error_bound import ErrorBound, bound_error
    from flowcert.theory.approximation.lift import lifted_map
    from flowcert.theory.approximation.obstruction import orientation_obstruction
    from flowcert.theory.approximation.pieces import split
    from flowcert.theory.approximation.schemes import scheme_of
    from flowcert.theory.cells import cover
    from flowcert.theory.decomposition import bound_curvature, presnov
    from flowcert.theory.symbolic import in_closed_form, symbolic_field

    GRADIENT, TURNING, PROVED, TRUTH = "#D55E00", "#0072B2", "#E69F00", "#222222"  # safe for all
    SCHEMES = {"LieTrotter": GRADIENT, "Strang": TURNING}
    RESULTS = {"first": TURNING, "second": "#CC79A7"}
    PARTS = {"splitting": TURNING, "field": GRADIENT, "integration": PROVED}
    DEPTHS, WIDTHS, LAYERS = (4, 8, 16, 32), (32, 48, 64, 96), 64
    TOLERANCE, WIDE = 1e-2, 2.5  # of part 4; the radius of the ball of part 3
    DUFFING_ENDS = 8 / (3 * np.sqrt(3))  # ∇U's flow from |x| = 1 may end after this time
    A, ALPHA = np.array([[1.0, 0.5], [-0.5, 2.0]]), np.array([1.0, 3.0])  # of the slip
    MAPS = {
        "|x|": np.abs,
        "|x| + sin x + x²": lambda x: np.abs(x) + np.sin(x) + x**2,
        "x³": lambda x: x**3,
        "sin 3x": lambda x: np.sin(3 * x),
    }


@app.cell(hide_code=True)
def _():
    target_choice = mo.ui.dropdown(
        ["Pendulum", "VanDerPol", "Duffing", "NonNormal"], value="VanDerPol", label="field"
    )
    mo.md(rf"""
    # From a field to an approximator

    “Networks can approximate anything” is a sentence about *existence*. Here it becomes a machine: in goes a vector field, out comes
    a network of **structured** layers with a number below which its error provably lies. And a limit: there are simple maps that no
    such network comes near.

    ## 1. A gradient part and a turning part

    Every $C^1$ field has two parts (Presnov):

    $$f = \nabla U + S(x)x,\qquad U(x) = \int_0^1 x^Tf(tx)\,dt,\qquad S(x)^T = -S(x).$$

    The first climbs a hill, the second turns around 0 and keeps $|x|$, since $x^TSx = 0$. For $f(x) = Bx$ they are the symmetric and
    the skew part of $B$.

    {target_choice}
    """)
    return (target_choice,)


@app.cell(hide_code=True)
def _(target_choice):
    target = universal.find_target(target_choice.value)
    parts = presnov(target.field)
    proof = parts.proof
    _steps = "\n".join(
        f"- {step.statement}: {step.outcome}, by {step.engine}" for step in proof.steps
    )
    _box = f"""### {"✓ Proved for this field, on the spot" if proof.outcome == "proved" else "✗ Not proved"}

$f = {formula(parts.field.expressions)}$, $\\; U = {formula(parts.potential)}$, $\\; S_{{21}} = {formula(parts.skew[1, 0])}$

{_steps}"""

    def _draw(*panels):
        side = np.linspace(-1.5, 1.5, 13)
        x = np.stack(np.meshgrid(side, side), axis=-1)
        names = ("f", "∇U, on the level lines of U", "S(x)x, on circles")
        for axes, letter, name, piece, colour in zip(
            panels,
            "abc",
            names,
            (parts.field, parts.gradient, parts.sphere),
            (TRUTH, GRADIENT, TURNING),
            strict=True,
        ):
            axes.quiver(*np.moveaxis(x, -1, 0), *np.moveaxis(piece(x), -1, 0), color=colour)
            axes.set(aspect="equal", xlabel="$q$", xlim=(-1.7, 1.7), ylim=(-1.7, 1.7))
            styling.name_panel(axes, letter, name)
        at, U = levels(parts.potential, parts.field.symbols, 1.7)
        panels[1].contour(
            *np.moveaxis(at, -1, 0), U, 12, colors="#BBBBBB", linewidths=0.7, zorder=0
        )
        for r in (0.5, 1.0, 1.5):
            panels[2].plot(*circle(r).T, color="#BBBBBB", linewidth=0.7, zorder=0)

    mo.vstack(
        [
            mo.callout(mo.md(_box), kind="success" if proof.outcome == "proved" else "danger"),
            picture("Three fields of arrows: the field and its two parts.", _draw, 3),
        ]
    )
    return parts, proof, target


@app.cell(hide_code=True)
def _():
    steps_slider = mo.ui.slider(1, 32, 1, value=3, label="steps $N$", include_input=True)
    scheme_choice = mo.ui.radio(
        list(SCHEMES), value="LieTrotter", label="who moves when", inline=True
    )
    mo.md(rf"""
    ## 2. Taking turns

    Follow $\nabla U$ for a short time $h$, then $S(x)x$ for the same time, and so on: a network whose layers are flows of the two
    kinds. With $h = T/N$ and $\varphi$ for flows,

    $$\text{{Lie–Trotter: }}\big(\varphi_S^h\circ\varphi_U^h\big)^N\qquad
    \text{{Strang: }}\big(\varphi_U^{{h/2}}\circ\varphi_S^h\circ\varphi_U^{{h/2}}\big)^N.$$

    {steps_slider} {scheme_choice}
    """)
    return scheme_choice, steps_slider


@app.cell(hide_code=True)
def _(target):
    splittings = {
        name: universal.depth_study(target, splitting=name, depths=DEPTHS) for name in SCHEMES
    }
    return (splittings,)


@app.cell(hide_code=True)
def _(scheme_choice, splittings, steps_slider, target):
    made = construct(target, splitting=scheme_choice.value, steps=steps_slider.value)
    _orders = ", ".join(
        f"{name} {found.measured_orders[-1]:.2f}" for name, found in splittings.items()
    )
    _known = np.isfinite(made.bound.total)
    _head = "✓ The error is below its bound" if made.holds else "✗ The error is above its bound"
    _words = f"""### {_head if _known else "The bound is ∞"}

| layers | error measured at 385 points | proved for the whole ball | proved / measured |
|--:|--:|--:|--:|
| {len(made.layers)} | {say(made.measured)} | {say(made.bound.total)} | {say(made.looseness)} |

{made.bound.reason} Observed orders, right: {_orders}."""

    def _draw(plane, depth):
        ways = path(made.layers, np.array([0.6, 0.8]))
        for kind, points in ways:
            plane.plot(*points.T, color=GRADIENT if kind == "gradient" else TURNING, linewidth=2)
        web = mesh()
        for line in web:
            plane.plot(*line.T, color="#CCCCCC", linewidth=0.6, zorder=0)
        for images, look, colour, label in (
            (true_flow(made.flows, web), "-", TRUTH, "flow"),
            (made(web), "--", "#009E73", "layers"),
        ):
            for k, line in enumerate(images):
                plane.plot(*line.T, look, color=colour, linewidth=0.8, label=None if k else label)
        plane.set(aspect="equal", xlabel="$q$", ylabel="$p$")
        plane.legend(fontsize=7)
        for name, found in splittings.items():
            curves(depth, found, SCHEMES[name], name)
        depth.legend(fontsize=7)
        styling.name_panel(plane, "a", "disc, its images, the way of one point")
        styling.name_panel(depth, "b", "error (dots), proved bound (lines)")

    mo.vstack(
        [
            mo.callout(
                mo.md(_words), kind=("success" if made.holds else "danger") if _known else "warn"
            ),
            picture(
                "A disc carried by the flow and by the layers; errors against the number of steps.",
                _draw,
            ),
        ]
    )
    return (made,)


@app.cell(hide_code=True)
def _(target):
    analysis = FieldAnalysis.of(target.field, 3.0)
    wide = wide_constants()
    ball = universal.approximate_flow(target.field, target.time, 1.0, steps=64).bound.stage_radius
    nu, both = constants(analysis, ball)
    times, stretched = stretching(target.field, target.time)

    def _draw(plane, growth):
        bracket = commutator(analysis)
        size = sympy.sqrt(sum(e**2 for e in bracket.expressions))
        shade(plane, *levels(size, analysis.decomposition.field.symbols, 1.0))
        growth.semilogy(times, stretched, color=TRUTH, label="the flow, measured")
        growth.semilogy(times, np.exp(nu * times), color=TURNING, label="$e^{νt}$, proved")
        growth.semilogy(times, np.exp(both * times), "--", color=GRADIENT, label="$e^{Lt}$")
        growth.set(xlabel="$t$")
        growth.legend(fontsize=7)
        styling.name_panel(plane, "a", "|[∇U, S(x)x]| on the disc")
        styling.name_panel(growth, "b", "how far neighbours are pulled apart")

    _text = rf"""
    ## 3. Why the bound is what it is

    **What one step errs by.** Going by $A = \nabla U$ and then by $B = S(x)x$ is not the same as both at once, as far as the order
    matters. The **commutator** $C = DB\,A - DA\,B$ says how far:

    $$\text{{Lie–Trotter: }}\frac{{h^2}}2|C|\qquad \text{{Strang: }}h^3\Big(\frac{{|[B, C]|}}{{12}} + \frac{{|[A, C]|}}{{24}}\Big)$$

    to first approximation; exactly, times factors $e^{{\nu^+ h}}$. For a rotation with contraction $C = 0$: no error at all.

    **What becomes of it later.** The flow carries each error on, and stretches it by at most $e^{{\nu t}}$ with the *one-sided* constant
    $\nu = \sup\lambda_{{\max}}(\mathrm{{sym}}\,Df)$. The two-sided $L = \sup\|Df\|$ would do as well, and be useless: turning pulls nothing
    apart, and $L$ counts it. For Van der Pol on $|x| \le {WIDE}$:

    | | constant | growth in time 1 |
    |:--|--:|--:|
    | $\nu$, proved | {wide["nu"]:.2f} | {np.exp(wide["nu"]):.0f} |
    | $\nu$, largest at samples | {wide["seen"]:.2f} | {np.exp(wide["seen"]):.0f} |
    | $L$, at least | {wide["both"]:.2f} | {np.exp(wide["both"]):.0f} |
    """
    mo.vstack([mo.md(_text), picture("The size of the commutator; growth of distances.", _draw)])
    return analysis, ball, both, nu, stretched, times, wide


@app.cell(hide_code=True)
def _():
    _duffing = universal.find_target("Duffing").field
    _reach = FieldAnalysis.of(_duffing, 6.5).growth
    spans = np.linspace(0.02, 1.9, 48)
    radii = {
        "proved": np.array([_reach.after(1.0, t) for t in spans]),
        "gradient": blow_up(spans),
        "whole": np.linalg.norm(orbit(_duffing, circle(1.0), 0.3, 6), axis=-1).max(axis=1),
    }
    _last = spans[np.isfinite(radii["proved"])].max()

    def _draw(axes, plane):
        axes.semilogy(spans, radii["proved"], color=PROVED, label="proved for ∇U")
        axes.semilogy(spans, radii["gradient"], color=GRADIENT, label="∇U's flow, worst start")
        axes.semilogy(0.3 * np.arange(7), radii["whole"], "o-", color=TRUTH, label="the whole flow")
        axes.axvline(DUFFING_ENDS, color="#BBBBBB", linewidth=0.8)
        axes.set(xlabel="time $h$", ylabel="largest $|x|$ from $|x| = 1$", ylim=(0.9, 30))
        axes.legend(fontsize=7)
        start = np.array([-np.sqrt(3) / 2, 0.5])
        closed = orbit(_duffing, start, 0.1, 55)
        plane.plot(*closed.T, color=TRUTH, label="the whole flow")
        plane.plot(
            *(blow_up(np.linspace(0, 1.45, 50))[:, None] * start).T,
            color=GRADIENT,
            label="∇U alone",
        )
        plane.set(aspect="equal", xlabel="$q$", ylabel="$p$", xlim=(-3, 1.5))
        plane.legend(fontsize=7)
        styling.name_panel(axes, "a", "how far a layer may lead")
        styling.name_panel(plane, "b", "two ways from one start")

    mo.vstack(
        [
            mo.md(rf"""
    ### Where it is ∞

    The whole may be tame and its parts not. Duffing's orbits close, for ever. But $U = -\tfrac14pq^3$, and along the line
    $p = -q/\sqrt3$ its gradient pulls outwards like $\dot r = \tfrac{{3\sqrt3}}{{16}}r^3$: from $|x| = r$ the flow of $\nabla U$ **ends** after
    $\tfrac{{8}}{{3\sqrt3}}r^{{-2}} = {DUFFING_ENDS:.2f}\,r^{{-2}}$. A layer longer than that does not exist, and no bound can save it. The proof gives up
    a little earlier, at {_last:.2f} from $r = 1$, where the ball that was looked at ends; then it says ∞, with the reason. Shorter
    steps cure it. (The second result below adds $\mu x$ to $\nabla U$, and meets this sooner.)
    """),
            picture("Radii under Duffing's flow and that of its gradient part.", _draw),
        ]
    )
    return radii, spans


@app.cell(hide_code=True)
def _(splittings, target):
    _second = universal.depth_study(target, result="second", depths=(*DEPTHS, 64))
    both_results = {"first": splittings["Strang"], "second": _second}
    needed = {name: steps_needed(target, name, found) for name, found in both_results.items()}
    return both_results, needed


@app.cell(hide_code=True)
def _(both_results, needed, parts):
    valley = valley_of(parts)

    def _draw(line, depth):
        for name, colour in (("U", TRUTH), ("U + μ|x|²/2", GRADIENT), ("−μ|x|²/2", TURNING)):
            line.plot(valley["s"], valley[name], color=colour, label=name)
        line.set(xlabel="$s$ along the most concave direction")
        line.legend(fontsize=7)
        for name, found in both_results.items():
            curves(depth, found, RESULTS[name], f"{name} result")
        depth.legend(fontsize=7)
        styling.name_panel(line, "a", f"one line through the disc, μ = {valley['mu']:.3g}")
        styling.name_panel(depth, "b", "Strang: error (dots), bound (lines)")

    mo.vstack(
        [
            mo.md(rf"""
    ## 4. Only expansive, contractive, turning

    The layers of the other lessons expand (gradients of convex functions) or contract. A hill like $U$ is neither, but

    $$U = \underbrace{{U + \tfrac\mu2|x|^2}}_{{\text{{convex: expansive}}}} \;-\; \underbrace{{\tfrac\mu2|x|^2}}_{{\text{{its flow is }}e^{{-\mu t}}x\text{{: contractive}}}},
    \qquad \mu \ge \sup\big(-\lambda_{{\min}}(\nabla^2U)\big).$$

    That $\mu$ is large enough is **proved** on the ball, in ball arithmetic. The price: three pieces, more commutators, and an expansive
    flow that leads outwards before the contractive one fetches it back, by up to $e^{{2\mu h}}$. Strang steps for a *proved* error of {TOLERANCE:g}:
    **{needed["first"]}** with gradient and turning layers, **{needed["second"]}** with these. The dots tell how much of that is the network's, and
    how much the proof's.
    """),
            picture("A function as a difference of convex ones; errors of both results.", _draw),
        ]
    )
    return (valley,)


@app.cell(hide_code=True)
def _():
    width_slider = mo.ui.slider(steps=list(WIDTHS), value=64, label="units", show_value=True)
    substeps_slider = mo.ui.slider(
        steps=[1, 2, 4, 8], value=1, label="substeps a layer", show_value=True
    )
    return substeps_slider, width_slider


@app.cell(hide_code=True)
def _(substeps_slider, target):
    budgets = {
        width: construct(target, steps=LAYERS, width=width, substeps=substeps_slider.value)
        for width in WIDTHS
    }
    return (budgets,)


@app.cell(hide_code=True)
def _(budgets, parts, substeps_slider, target, width_slider):
    network = budgets[width_slider.value]
    _known = np.isfinite(network.bound.total)
    _head = "✓ A network with a proved error" if network.holds else "✗ The error is above its bound"
    _words = f"""### {_head if _known else "The bound is ∞: these networks are too coarse for it"}

{len(network.layers)} layers of {width_slider.value} units: error measured {say(network.measured)}, proved {say(network.bound.total)}. {network.bound.reason}"""

    def _draw(bars, plane):
        for row, one in enumerate(budgets.values()):
            sizes = np.array([getattr(one.bound, part) for part in PARTS])
            shares, left = (
                (sizes / sizes.sum() if np.isfinite(sizes.sum()) else np.zeros(len(sizes))),
                0.0,
            )
            for part, share in zip(PARTS, shares, strict=True):
                bars.barh(row, share, left=left, color=PARTS[part], label=None if row else part)
                left += share
            bars.text(
                1.03, row, f"{say(one.bound.total)}\n({say(one.measured)})", va="center", fontsize=7
            )
        bars.set(
            yticks=range(len(WIDTHS)),
            yticklabels=WIDTHS,
            ylabel="units",
            xlim=(0, 1.35),
            xticks=[0, 0.5, 1],
        )
        bars.legend(fontsize=7, loc="upper center", ncols=3, bbox_to_anchor=(0.4, -0.12))
        fitted = network.networks[0]
        x = square(1.0)
        error = np.linalg.norm(fitted.gradient(x) - parts.gradient(x), axis=-1)
        shade(plane, x, np.log10(error + 1e-16))
        styling.name_panel(bars, "a", "shares of the bound; bound (measured)")
        styling.name_panel(plane, "b", r"$\log_{10}$ |∇U − its network|")

    mo.vstack(
        [
            mo.md(rf"""
    ## 5. Networks in the place of $U$ and $S$

    $$\nabla U_\theta(x) = A^T\mathrm{{diag}}(\alpha)\,\Sigma(Ax + b),\qquad S_\theta(x) = \sum_k\sigma(a_k^Tx + b_k)K_k,\quad K_k^T = -K_k.$$

    Whatever the weights, one *is* a gradient and the other *is* skew: structure first, accuracy second. $A$ and $b$ are random here, $\alpha$ and
    $K_k$ the solution of a least squares problem. Nothing is promised of the fit, but afterwards ball arithmetic **proves** how
    good it became, and Grönwall what that does in time $T$: $\varepsilon(e^{{\nu T}} - 1)/\nu$. {LAYERS} Strang steps of {target.title.split(":")[0]}:
    """),
            mo.hstack([width_slider, substeps_slider], justify="start", gap=2),
            mo.callout(
                mo.md(_words), kind=("success" if network.holds else "danger") if _known else "warn"
            ),
            picture(
                "The parts of the error bound for four widths; the error of the gradient network.",
                _draw,
            ),
            mo.md("""More units help until the layers' own integration is what is left; then take substeps, then more steps.
`approximate_within(field, time, radius, tolerance)` spends the budget for you."""),
        ]
    )
    return (network,)


@app.cell(hide_code=True)
def _():
    _honest = RidgePotentialField(A, np.zeros(2), ALPHA)
    _point = np.array([0.5, -0.25])
    jacobians = {"honest": _honest.jacobian(_point), "slipped": slip_jacobian(_point)}
    works = {"honest": work(_honest), "slipped": work(slip)}

    def _draw(axes):
        turn = np.linspace(0, 360, len(works["honest"]))
        for name, label, colour in (
            ("honest", "$A^Tdiag(α)Σ(Ax)$", TURNING),
            ("slipped", "$diag(α)A^TΣ(Ax)$", GRADIENT),
        ):
            axes.plot(turn, works[name], color=colour, label=label)
        axes.axhline(0, color="#BBBBBB", linewidth=0.8)
        axes.set(xlabel="angle in degrees", ylabel="work since 0°", xticks=range(0, 361, 90))
        axes.legend(fontsize=7)

    mo.vstack(
        [
            mo.md(rf"""
    ### A slip to learn from

    The appendix code of the paper multiplies in another order: $\mathrm{{diag}}(\alpha)A^T\Sigma(Ax + b)$. For square $A$ the shapes fit, training
    runs, and it is not a gradient. A gradient's Jacobian is symmetric, and it does no work around a loop. At one point:

    $$\text{{right: }}{matrix(jacobians["honest"])}\qquad \text{{slipped: }}{matrix(jacobians["slipped"])}$$

    Once around the unit circle the right one works {works["honest"][-1]:.0e}, the slipped one {works["slipped"][-1]:.2f}.
    """),
            picture("The work of two fields along the unit circle.", _draw, 1),
        ]
    )
    return jacobians, works


@app.cell(hide_code=True)
def _():
    map_choice = mo.ui.dropdown(list(MAPS), value="|x|", label="$F$")
    time_slider = mo.ui.slider(0.0, 1.0, 0.05, value=1.0, label="time $t$", include_input=True)
    mo.md(rf"""
    ## 6. What cannot be done

    On a line, solutions cannot overtake each other: a flow is **increasing**, and so is every composition of flows, of any depth and any
    width. If $F(x) > F(y)$ for some $x < y$ and $g$ is increasing, then $g(x) \le g(y)$ and

    $$\max\big(|F(x) - g(x)|,\ |F(y) - g(y)|\big)\ \ge\ \tfrac12\big(F(x) - F(y)\big).$$

    With **one more dimension** the obstruction is gone, exactly: the field $(0, F(x))$ has the flow $(x, y) \mapsto (x, y + tF(x))$. Start at
    $y = 0$, wait for a time 1, read off $y$. Points overtake by going around.

    {map_choice} {time_slider}
    """)
    return map_choice, time_slider


@app.cell(hide_code=True)
def _(map_choice, time_slider):
    F = MAPS[map_choice.value]
    obstruction = orientation_obstruction(F, 1.0)
    lifted = lifted_map(F, 1)
    grid = np.linspace(-1, 1, 4097)
    nearest = nearest_increasing(F, grid)
    missed = float(np.abs(lifted(grid[:, None])[:, 0] - F(grid)).max())
    _words = (
        "### ✓ Increasing on the grid: no obstruction was found"
        if obstruction is None
        else f"""### ✗ Every increasing map is at least {obstruction.distance:.4g} away

$F({obstruction.x:.3g}) = {obstruction.at_x:.4g}$, yet $F({obstruction.y:.3g}) = {obstruction.at_y:.4g}$. The orange map attains it on the grid: {np.abs(nearest - F(grid)).max():.4g}."""
    )
    _lift = f"### ✓ The lift errs by {missed:.0e}\n\n$P\\circ\\varphi^1\\circ L = F$, for every continuous $F$, kinks and all."

    def _draw(line, plane):
        line.plot(grid, F(grid), color=TRUTH, label="$F$")
        line.plot(grid, nearest, color=GRADIENT, label="a nearest increasing map")
        line.set(xlabel="$x$")
        line.legend(fontsize=7)
        for height in np.linspace(-1, 1, 5):
            start = np.stack([grid, np.full_like(grid, height)], axis=-1)
            main = bool(height == 0)
            plane.plot(
                *lifted.flow(start, time_slider.value).T, color=TURNING if main else "#BBBBBB",
                linewidth=1.6 if main else 0.7, label="image of $y = 0$" if main else None,
            )  # fmt: skip
        for x in np.linspace(-1, 1, 9):
            ends = lifted.flow(np.array([[x, -1.0], [x, 1.0]]), time_slider.value)
            plane.plot(*ends.T, color="#BBBBBB", linewidth=0.7)
        plane.set(xlabel="$x$", ylabel="$y$")
        plane.legend(fontsize=7)
        styling.name_panel(line, "a", "on the line")
        styling.name_panel(plane, "b", f"in the plane, at t = {time_slider.value:g}")

    mo.vstack(
        [
            mo.callout(mo.md(_words), kind="success" if obstruction is None else "danger"),
            mo.callout(mo.md(_lift), kind="success"),
            picture("A map with a nearest increasing one; the flow of its lift.", _draw),
            mo.md(r"""
    This is the lift for the flow *itself*. Parts 1 to 5 do not apply to it: of the lifted $|x|$ Presnov's $U = \tfrac12y|x|$ has a
    kink, and $\nabla U$ no flow. And in every dimension flows keep **orientation**: a mirror stays away too.
    """),
        ]
    )
    return lifted, missed, nearest, obstruction


@app.cell(hide_code=True)
def _():
    _q, _p = sympy.symbols("q p", real=True)
    tame = universal.approximate_flow(
        symbolic_field([-_q / 2 - _p, _q - _p / 2], [_q, _p]), 1.0, 1.0, steps=1
    )
    fourth = universal.depth_study(
        universal.find_target("NonNormal"), splitting="Yoshida4", depths=(4, 8, 16)
    )
    _weights = scheme_of("Yoshida4").substeps
    careful = with_more_curvature((1, 4))
    _exercises = {
        "1. How many steps does $\\dot x = -\\tfrac12x + Jx$ need, a rotation that contracts?": f"""
One. $\\nabla U = -\\tfrac12x$ and $S = J$ commute: measured {tame.measured:.0e}, proved {tame.bound.total:g}. A field that shows no error shows no
order either: to see one, take a *non-normal* matrix.""",
        "2. Order 4: possible?": f"""
Yes, with Strang steps of lengths {_weights[0]:.2f}, {_weights[1]:.2f}, {_weights[2]:.2f} times $h$: observed {fourth.measured_orders[-1]:.2f}. One of them goes
**back in time**, as in every splitting of order above 2 (Sheng, Suzuki). Backwards an expansive flow contracts, and the other way round: the
layers of the second result change sides, and their proofs with them.""",
        "3. μ only has to be large enough. Why not four times as large, to be safe?": f"""
Every choice is *correct*, and every one is paid for. The bound for `NonNormal` with 16 Strang steps and once or four times the μ: {", ".join(say(b) for b in careful)}.""",
        "4. Is $(x_1, x_2) \\mapsto (-x_1, x_2)$ a limit of compositions of flows of the plane?": """
No. $\\det D\\varphi = e^{\\int \\mathrm{div} f} > 0$ along every flow, here it is −1; every composition is at least 1 away somewhere on the unit disc
(`B7.reflection`). In the mean, $L^p$, it is another matter from two dimensions on: there the disc can be cut and turned. On the line not even that.""",
        "5. A network was trained, and its test error is small. Has part 5 been made superfluous?": """
A test error is a measurement at points. The bound of part 5 holds *between* them, and says which part to spend on. But it knows the field: from data
alone nobody can prove it.""",
    }
    mo.vstack(
        [
            mo.md("## 7. Exercises\n\nTry first, then unfold."),
            mo.accordion({question: mo.md(answer) for question, answer in _exercises.items()}),
            mo.md("""
    ## To remember

    | proved | measured | neither |
    |:--|:--|:--|
    | $x^T\\nabla U = x^Tf$, by algebra, for the field at hand | the errors, at 385 points | that a map you were *given* is a composition of flows: both results assume it |
    | error ≤ bound on the whole disc, for $n \\le 2$ | the orders 1, 2, 4 | any bound for $n \\ge 3$: the layers are built, the bound says ∞ |
    | $|x|$ is ½ away from all increasing maps; the lift is exact | how well least squares fits (then *proved*) | that training finds such weights |

    `flowcert claim B1.presnov_identity` shows a proof, and so for `B3.sphere_fields`, `B4.ridge_gradient`, `B5.gronwall_field_error`,
    `B6.convex_difference`, `B7.orientation`, `B7.reflection` and `B7.lift`.
    """),
        ]
    )
    return careful, fourth, tame


@app.function
def construct(target: universal.Target, **wanted: object) -> universal.Construction:
    """The layers for a named flow on its ball."""
    return universal.approximate_flow(target.field, target.time, target.radius, **wanted)


@app.function
def steps_needed(target: universal.Target, result: str, study: universal.DepthStudy) -> int:
    """The first of the study's depths, or of their doubles, with a proved error of at most TOLERANCE."""
    for made in study.constructions:
        if made.bound.total <= TOLERANCE:
            return made.steps
    steps = 2 * study.constructions[-1].steps
    while construct(target, result=result, steps=steps).bound.total > TOLERANCE and steps < 4096:
        steps *= 2
    return steps


@app.function
def path(layers: Iterable, x: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The way of one point: for each layer its kind and points on the way through it."""
    ways = []
    for layer in layers:
        part = replace(layer, substeps=16)
        on_the_way = [replace(part, time=s * layer.time)(x) for s in np.linspace(0, 1, 9)]
        ways.append((layer.kind, np.stack(on_the_way)))
        x = on_the_way[-1]
    return ways


@app.function
def orbit(field: object, x: np.ndarray, time: float, count: int) -> np.ndarray:
    """The start and where the flow is after each of ``count`` such times."""
    found = [x]
    for _ in range(count):
        found.append(true_flow([(field, time)], found[-1]))
    return np.stack(found)


@app.function
def shade(axes: object, x: np.ndarray, values: np.ndarray) -> None:
    """Values on a square of points (..., 2) as colours, on the unit disc."""
    shades = axes.contourf(*np.moveaxis(x, -1, 0), values, 10, cmap="cividis")
    shades.set_clip_path(matplotlib.patches.Circle((0, 0), 1, transform=axes.transData))
    axes.figure.colorbar(shades, ax=axes)
    axes.set(aspect="equal", xlabel="$q$", ylabel="$p$")


@app.function
def circle(radius: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 73)
    return radius * np.stack([np.cos(turn), np.sin(turn)], axis=-1)


@app.function
def mesh() -> np.ndarray:
    """Circles and diameters of the unit disc, as lines of 73 points."""
    spread = np.linspace(-1, 1, 73)[:, None]
    spokes = [spread * [np.cos(a), np.sin(a)] for a in np.pi * np.arange(4) / 4]
    return np.stack([circle(1.0), circle(0.5), *spokes])


@app.function
def commutator(analysis: FieldAnalysis) -> object:
    """C = DB·A − DA·B for A = ∇U, B = S(x)x."""
    gradient, sphere = (piece.field for piece in analysis.pieces)
    C = (
        sphere.jacobian_matrix * gradient.expressions
        - gradient.jacobian_matrix * sphere.expressions
    )
    return symbolic_field(list(C), analysis.decomposition.field.symbols)


@app.function
def constants(analysis: FieldAnalysis, radius: float) -> tuple[float, float]:
    """ν, proved on the ball, and the largest ‖Df‖ at its points: a lower bound of L."""
    J = analysis.decomposition.field.jacobian(ball_points(2, radius))
    return analysis.one_sided((0, 1))(radius), float(np.linalg.norm(J, 2, axis=(1, 2)).max())


@app.function
def wide_constants() -> dict[str, float]:
    """Of Van der Pol on |x| ≤ WIDE: ν proved, the largest λ_max(sym Df) seen, the largest ‖Df‖ seen."""
    f = universal.find_target("VanDerPol").field
    J = f.jacobian(ball_points(2, WIDE))
    seen = np.linalg.eigvalsh((J + J.swapaxes(1, 2)) / 2).max()
    nu, both = constants(FieldAnalysis.of(f, 3.0), WIDE)
    return {"nu": nu, "seen": float(seen), "both": both}


@app.function
def stretching(field: Callable, time: float, steps: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """The largest ‖Dφᵗ‖ over points of the unit disc, by RK4 for the variational equation."""
    x, h = ball_points(2, 1.0), time / steps
    D, found = np.broadcast_to(np.eye(2), (len(x), 2, 2)), [1.0]
    for _ in range(steps):
        slope, K, total, sums = field(x), field.jacobian(x) @ D, 0.0, 0.0
        for weight, reach in ((1, h / 2), (2, h / 2), (2, h), (1, 0.0)):
            total, sums = total + weight * slope, sums + weight * K
            y, E = x + reach * slope, D + reach * K
            slope, K = field(y), field.jacobian(y) @ E
        x, D = x + h / 6 * total, D + h / 6 * sums
        found.append(float(np.linalg.norm(D, 2, axis=(1, 2)).max()))
    return np.linspace(0, time, steps + 1), np.array(found)


@app.function
def blow_up(t: np.ndarray) -> np.ndarray:
    """|x| along the worst way of Duffing's ∇U from 1: ṙ = r³·3√3/16; ∞ from DUFFING_ENDS on."""
    left = 1 - t / DUFFING_ENDS
    return np.where(left > 0, 1 / np.sqrt(np.where(left > 0, left, 1.0)), np.inf)


@app.function
def valley_of(parts: object) -> dict[str, object]:
    """U, its convex part and the rest along the most concave direction through the disc's worst point."""
    H = parts.gradient.jacobian(ball_points(2, 1.0))
    values, vectors = np.linalg.eigh(H)
    worst = int(np.argmin(values[:, 0]))
    mu = bound_curvature(parts.potential, parts.field.symbols, cover(1.0, 2, 96))
    centre, direction = ball_points(2, 1.0)[worst], vectors[worst, :, 0]
    along = centre @ direction
    reach = np.sqrt(along**2 - centre @ centre + 1)
    s = np.linspace(-reach, reach, 101)  # around the middle of the chord
    x = centre + (s[:, None] - along) * direction
    U = evaluate(parts.potential, parts.field.symbols, x)
    bowl = mu / 2 * (x**2).sum(axis=-1)
    return {"mu": mu, "s": s, "U": U, "U + μ|x|²/2": U + bowl, "−μ|x|²/2": -bowl}


@app.function
def with_more_curvature(factors: Iterable[float]) -> list[float]:
    """Bounds of the second result for NonNormal with multiples of the μ that it needs."""
    analysis = FieldAnalysis.of(universal.find_target("NonNormal").field, 3.0)
    start, mu = ErrorBound(end_radius=1.0, layers_radius=1.0), analysis.curvature()(1.5)
    return [
        bound_error(
            analysis.with_pieces(split(analysis.decomposition, "second", k * mu)),
            scheme_of("Strang"),
            1.0,
            16,
            start,
        ).total
        for k in factors
    ]


@app.function
def slip(x: np.ndarray) -> np.ndarray:
    """diag(α)AᵀΣ(Ax), σ = tanh: no gradient."""
    return np.tanh(x @ A.T) @ A * ALPHA


@app.function
def slip_jacobian(x: np.ndarray) -> np.ndarray:
    return np.diag(ALPHA) @ A.T @ np.diag(1 - np.tanh(A @ x) ** 2) @ A


@app.function
def work(field: Callable) -> np.ndarray:
    """∫ f·dx along the unit circle up to each of 721 angles, by the trapezoid rule."""
    turn = np.linspace(0, 2 * np.pi, 721)
    x, along = (
        np.stack([np.cos(turn), np.sin(turn)], -1),
        np.stack([-np.sin(turn), np.cos(turn)], -1),
    )
    power = (field(x) * along).sum(axis=-1)
    return np.concatenate([[0.0], np.cumsum((power[1:] + power[:-1]) / 2) * turn[1]])


@app.function
def nearest_increasing(F: Callable, x: np.ndarray) -> np.ndarray:
    """Half of the largest value so far and the smallest still to come: nearest in the sup norm."""
    values = F(x)
    return (np.maximum.accumulate(values) + np.minimum.accumulate(values[::-1])[::-1]) / 2


@app.function
def evaluate(expression: object, symbols: tuple, x: np.ndarray) -> np.ndarray:
    """A sympy expression at points (..., 2)."""
    return symbolic_field([expression, 0], symbols)(x)[..., 0]


@app.function
def square(side: float) -> np.ndarray:
    return np.stack(np.meshgrid(*[np.linspace(-side, side, 81)] * 2), axis=-1)


@app.function
def levels(expression: object, symbols: tuple, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Points of a square, shape (81, 81, 2), and the values there."""
    return square(side), evaluate(expression, symbols, square(side))


@app.function
def curves(axes: object, study: universal.DepthStudy, colour: str, label: str) -> None:
    """Measured errors as dots and their bounds as a line, where they are finite."""
    steps = [made.steps for made in study.constructions]
    error, bound = (
        np.array([size(made) for made in study.constructions])
        for size in (lambda made: made.measured, lambda made: made.bound.total)
    )
    axes.loglog(
        steps,
        np.where(np.isfinite(error), error, np.nan),
        "o",
        color=colour,
        markersize=4,
        label=label,
    )
    axes.loglog(steps, np.where(np.isfinite(bound), bound, np.nan), color=colour)
    axes.set(xlabel="steps $N$", xticks=steps, xticklabels=steps)
    axes.minorticks_off()


@app.function
def formula(expression: object) -> str:
    return sympy.latex(sympy.simplify(in_closed_form(expression)))


@app.function
def matrix(M: np.ndarray) -> str:
    rows = r" \\ ".join(" & ".join(f"{entry:.2f}" for entry in row) for row in M)
    return rf"\begin{{pmatrix}} {rows} \end{{pmatrix}}"


@app.function
def say(x: float) -> str:
    return "∞" if np.isinf(x) else f"{x:.2g}"


@app.function
def picture(description: str, draw: Callable, columns: int = 2) -> mo.Html:
    """Panels with their legends, sharp at any size."""
    with styling.styled():
        figure = matplotlib.figure.Figure(figsize=(8.4, 2.9 if columns == 3 else 3.4))
        if columns == 1:
            figure.set_size_inches(5.0, 2.6)
        draw(*np.atleast_1d(figure.subplots(1, columns)))
        svg = styling.render(figure, "svg").decode()
    svg = svg[svg.index("<svg") :].replace("<svg ", '<svg style="width: 100%; height: auto" ', 1)
    look = f'role="img" style="background: white; max-width: {"60%" if columns == 1 else "100%"}"'
    return mo.Html(f'<div {look} aria-label="{description}">{svg}</div>')


if __name__ == "__main__":
    app.run()
