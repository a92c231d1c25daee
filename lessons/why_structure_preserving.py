# Open it with `marimo run lessons/why_structure_preserving.py` (or `marimo edit` to see the code),
# after `pip install "flowcert[lessons]"`.

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Why structure-preserving discretisation")

with app.setup:
    from collections.abc import Callable
    from dataclasses import dataclass

    import marimo as mo
    import matplotlib.axes
    import matplotlib.figure
    import numpy as np

    from flowcert import theory
    from flowcert.figures import styling
    from flowcert.numerics import (
        RK4,
        RKMK4,
        Euler,
        FieldSystem,
        Gonzalez,
        GradientField,
        Heun,
        ImplicitMidpoint,
        Method,
        NormCorrectedHeun,
        SphereSystem,
        StormerVerlet,
        tanh_mixture,
        trajectory,
    )
    from flowcert.numerics.diagnostics import contraction_factor, symplecticity_defect
    from flowcert.numerics.problems import SIR, Duffing, Pendulum, RigidBody
    from flowcert.theory.contraction import runge_kutta_contraction, worst_stage_data

    # Warm colours are baselines, cool ones keep a structure; safe for colour-blind eyes.
    BASELINE, SECOND_BASELINE = "#D55E00", "#E69F00"
    STRUCTURED, SECOND_STRUCTURED = "#0072B2", "#009E73"
    SWING, CIRCUITS, TUMBLE, EPIDEMIC, DESCENT = 150.0, 60.0, 40.0, 12.0, 12  # how long they run
    BOTTOM = [0.0, 1.36]  # where the pendulum is fastest: there its Jacobian is taken
    FAR = 1e5  # a run that goes beyond this ends there
    ROUNDING = 1e-12  # below this, relative to the numbers at hand, is rounding
    VIEW = np.array([[0.8, -0.6, 0.0], [-0.36, -0.48, 0.8]])  # the sphere seen from (0.48, 0.64, 0.6)
    NETWORKS, WIDTH, LAYERS = 12, 6, 40  # of section 6


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Why structure-preserving discretisation

    A differential equation $\dot y = f(y)$ often *keeps* something: an energy, a length, a total
    mass, the order that no two solutions move apart. A numerical method replaces it by steps
    $y_{k+1} = \Psi_h(y_k)$, and each step makes a small error. Usually one asks how small. Here we ask
    **in which direction it points**. An error along the level set of what is kept is forgiven for
    ever; one across it, however small, adds up.

    Each section shows the same three pictures: (a) an ordinary method that fails, (b) a method
    built to keep the structure, with *the same step* $h$, (c) the error in what should be kept.
    Warm colours are the baselines, cool ones the structured methods. Move $h$.

    ## 1. Energy in the long run: symplectic methods

    The pendulum $\dot q = p$, $\dot p = -\sin q$ has the energy $H = \tfrac12 p^2 + 1 - \cos q$, and
    $\dot y = \Omega\nabla H(y)$ with $y = (q, p)$ and
    $\Omega = \begin{pmatrix}0 & 1\\ -1 & 0\end{pmatrix}$. So $\dot H = \nabla H^T\Omega\nabla H = 0$: it
    swings for ever along one level line of $H$ (grey). There is more. The Jacobian
    $J$ of the map $y(0) \mapsto y(t)$ satisfies

    $$J^T\Omega J = \Omega,$$

    which in the plane says $\det J = 1$: *areas are kept*. Such maps are **symplectic**. A step of
    Euler has $\det J = 1 + h^2\cos q$; near the bottom it inflates every area, and the pendulum is
    driven. RK4 does the same more politely. Störmer–Verlet is half a kick, a drift, half a kick,
    $p \mathrel{-}= \tfrac h2\sin q$, $\;q \mathrel{+}= hp$, $\;p \mathrel{-}= \tfrac h2\sin q$: three shears, each of determinant 1.
    """)
    return


@app.cell(hide_code=True)
def _():
    swing_slider = mo.ui.slider(
        0.1, 1.9, 0.05, value=1.0, label="step $h$", include_input=True, full_width=True
    )
    swing_slider
    return (swing_slider,)


@app.cell(hide_code=True)
def _(swing_slider):
    swing_h = swing_slider.value
    return (swing_h,)


@app.cell(hide_code=True)
def _(swing_h):
    swings = run_pendulum(swing_h)
    swing_verdicts = judge_pendulum(swings, swing_h)
    swing_picture = draw_pendulum(swings, swing_h)
    boxes(swing_verdicts)
    return swing_picture, swing_verdicts, swings


@app.cell(hide_code=True)
def _(swing_picture):
    show(
        swing_picture,
        "Left, Euler and RK4 leave the level line of the energy; middle, Störmer–Verlet and the "
        "implicit midpoint rule stay beside it; right, the largest energy error up to time t.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    **Why it works.** The steps of a symplectic method are, up to terms smaller than every power of
    $h$, points on the *exact* solution of another Hamiltonian system, with energy
    $\tilde H = H + h^2H_2 + h^4H_4 + \dots$ The steps keep $\tilde H$; and $H$, which is $O(h^2)$
    beside it, can oscillate but not drift. For Störmer–Verlet (the dotted line in (c) is how well
    the first two terms are kept: $O(h^4)$)

    $$\tilde H = H + h^2\left(\tfrac{1}{12}\,p^2\cos q - \tfrac{1}{24}\sin^2 q\right) + O(h^4).$$

    Euler has a modified equation too, but not a Hamiltonian one: it has an energy leak. Make $h$ small:
    its error shrinks, and still grows with time. Make $h$ larger than about $1.6$: the step stays
    symplectic to the last digit, but $h$ is no longer small, the series says nothing, and
    Störmer–Verlet goes astray. *Structure does not replace stability.*

    /// details | Which Runge–Kutta methods are symplectic?

    With $M = BA + A^TB - bb^T$, $B = \mathrm{diag}(b)$, a step changes the symplectic form by
    $h^2\sum_{ij}m_{ij}$ times the form of the stages $i$ and $j$. So $M = 0$ suffices. The implicit
    midpoint rule has $A = \tfrac12$, $b = 1$, $M = \tfrac12 + \tfrac12 - 1 = 0$. An explicit method
    has $m_{ii} = -b_i^2$: it cannot. The same $M$ decides on quadratic integrals (section 3) and on
    contraction (section 5).
    ///

    ## 2. The energy exactly: discrete gradients

    “Oscillates, does not drift” is not “is kept”. If the energy itself must not move, ask for a
    **discrete gradient**: a function $\bar\nabla H(y, y^+)$, equal to $\nabla H$ for $y^+ = y$, with

    $$\bar\nabla H(y, y^+)^T(y^+ - y) = H(y^+) - H(y).$$

    The step $y^+ = y + h\,\Omega\,\bar\nabla H(y, y^+)$ then has
    $H(y^+) - H(y) = h\,\bar\nabla H^T\Omega\bar\nabla H = 0$ for *every* $h$. Gonzalez's choice, with
    $m = \tfrac12(y + y^+)$ and $d = y^+ - y$, corrects the midpoint gradient in the direction of $d$ alone:

    $$\bar\nabla H = \nabla H(m) + \frac{H(y^+) - H(y) - \nabla H(m)^Td}{|d|^2}\;d.$$

    The example is Duffing's oscillator, $H = \tfrac12p^2 + \tfrac12q^2 + \tfrac14q^4$. The baseline is
    a good one: the implicit midpoint rule, symplectic, keeps every *quadratic* energy exactly.
    This one is quartic.
    """)
    return


@app.cell(hide_code=True)
def _():
    circuit_slider = mo.ui.slider(
        0.05, 0.6, 0.05, value=0.4, label="step $h$", include_input=True, full_width=True
    )
    amplitude_slider = mo.ui.slider(
        0.25, 2.0, 0.05, value=1.5, label="start $q_0$", include_input=True, full_width=True
    )
    mo.hstack([circuit_slider, amplitude_slider], widths="equal", gap=2)
    return amplitude_slider, circuit_slider


@app.cell(hide_code=True)
def _(amplitude_slider, circuit_slider):
    circuit_h, amplitude = circuit_slider.value, amplitude_slider.value
    return amplitude, circuit_h


@app.cell(hide_code=True)
def _(amplitude, circuit_h):
    circuits = run_duffing(circuit_h, amplitude)
    circuit_verdicts = judge_duffing(circuits, circuit_h, amplitude)
    circuit_picture = draw_duffing(circuits, amplitude)
    boxes(circuit_verdicts)
    return circuit_picture, circuit_verdicts, circuits


@app.cell(hide_code=True)
def _(circuit_picture):
    show(
        circuit_picture,
        "Left, the implicit midpoint rule on Duffing's oscillator beside the level line; middle, "
        "Gonzalez's method on it; right, their energy errors, the second at the level of rounding.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Nothing is free: Gonzalez's step is *not* symplectic (the number is in the box), and a theorem of
    Ge and Marsden (1988) says that in general no method is both, unless it is the exact flow up to
    a change of time. Choose the structure that your question needs.

    ## 3. Length: methods on the sphere

    The angular momentum of a free rigid body turns, $\dot y = S(y)\,y$ with a skew $S(y)$. Since
    $y^TSy = 0$, its length $|y|$ is kept. Heun's method takes $k_1 = f(y)$, $k_2 = f(y + hk_1)$ and
    $\varphi = y + \tfrac h2(k_1 + k_2)$; because both slopes are perpendicular to their points,

    $$|\varphi|^2 = |y|^2 + \tfrac{h^2}{4}\,|k_1 - k_2|^2 .$$

    Not just an error: it *always* points outwards. Two cures:

    - **Go back along the chord** (the paper's): $y^+ = (1 - \lambda)\varphi + \lambda y$ with
      $\lambda = |k_1 - k_2|^2/|k_1 + k_2|^2$, which is exactly where the chord meets the sphere again.
    - **Move by rotations only**: $y^+ = e^{v}y$ with a skew $v \approx hS$. The exponential of a skew
      matrix is orthogonal, so any $v$ will do for $|y|$; RKMK4 chooses it for order 4.
    """)
    return


@app.cell(hide_code=True)
def _():
    tumble_slider = mo.ui.slider(
        0.05, 1.2, 0.05, value=0.6, label="step $h$", include_input=True, full_width=True
    )
    tumble_slider
    return (tumble_slider,)


@app.cell(hide_code=True)
def _(tumble_slider):
    tumble_h = tumble_slider.value
    return (tumble_h,)


@app.cell(hide_code=True)
def _(tumble_h):
    tumbles = run_rigid_body(tumble_h)
    tumble_verdicts = judge_rigid_body(tumbles)
    tumble_picture = draw_rigid_body(tumbles)
    boxes(tumble_verdicts)
    return tumble_picture, tumble_verdicts, tumbles


@app.cell(hide_code=True)
def _(tumble_picture):
    show(
        tumble_picture,
        "Left, Heun's method spirals off the sphere; middle, the corrected Heun step and RKMK4 stay "
        "on it; right, the error of the length, theirs at the level of rounding.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    On the sphere is not on the curve: look at (b) for a large $h$. The length was promised, and
    accuracy is still a matter of $h$ and of the order.

    ## 4. Mass: a sum that every Runge–Kutta method keeps

    In an epidemic, $\dot x = -xy$, $\dot y = xy - y$, $\dot z = y$ counts susceptible, infected and recovered
    people. Nobody appears or vanishes: $x + y + z$ is constant, since the rates sum to zero. (The
    general form is $\dot x = (M(x) - M(x)^T)\mathbf 1$: what leaves one compartment enters another.)

    This one is easy to keep, and easy to lose. A Runge–Kutta step adds a combination
    $h\sum_i b_ik_i$ of rate vectors, *the same weights for all components*, and each $k_i$ sums to
    zero wherever it was taken. So even Euler keeps the mass, at any $h$. But Euler can make the number of
    people negative. A popular repair, Patankar's, takes losses implicitly, component by component:

    $$x^+ = \frac{x}{1 + hy},\qquad y^+ = \frac{y + hxy}{1 + h},\qquad z^+ = z + hy .$$

    All stay positive for every $h$; but what leaves $x$ now, $hyx^+$, is no longer what arrives in $y$, $hxy$.
    """)
    return


@app.cell(hide_code=True)
def _():
    epidemic_slider = mo.ui.slider(
        0.05, 2.0, 0.05, value=0.5, label="step $h$", include_input=True, full_width=True
    )
    epidemic_slider
    return (epidemic_slider,)


@app.cell(hide_code=True)
def _(epidemic_slider):
    epidemic_h = epidemic_slider.value
    return (epidemic_h,)


@app.cell(hide_code=True)
def _(epidemic_h):
    epidemics = run_epidemic(epidemic_h)
    epidemic_verdicts = judge_epidemic(epidemics)
    epidemic_picture = draw_epidemic(epidemics)
    boxes(epidemic_verdicts)
    return epidemic_picture, epidemic_verdicts, epidemics


@app.cell(hide_code=True)
def _(epidemic_picture):
    show(
        epidemic_picture,
        "Left, an epidemic by Patankar's Euler method, its total moving; middle, by RK4, its total "
        "constant; right, the error of the total mass.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## 5. Contraction: solutions that must not move apart

    A gradient flow $\dot y = -\nabla V(y)$ in a convex valley brings any two solutions closer. With
    $L$ the largest curvature of $V$, which Runge–Kutta steps keep that promise? For two runs with
    slopes $k_i$, $\tilde k_i$, and $M$ and $B$ from section 1,

    $$|\Delta^+|^2 = |\Delta|^2 + 2h\sum_i b_i\langle\Delta k_i, \Delta Y_i\rangle
    - h^2\sum_{ij}m_{ij}\langle\Delta k_i, \Delta k_j\rangle,
    \qquad \langle\Delta k_i, \Delta Y_i\rangle \le -\tfrac1L|\Delta k_i|^2 .$$

    If $b \ge 0$ and $M \succeq 0$ (**algebraic stability**) nothing can grow, at any $h$. The implicit midpoint
    rule has $M = 0$. Otherwise the middle term pays as long as $M + \tfrac{2}{hL}B \succeq 0$, that is,
    $h \le 2r/L$, with $r$ the **circle-contractivity radius** of the method. For RK4 it is $r = 1$: try
    `flowcert method RK4` in a terminal. Its four stages buy accuracy, and not one bit of step
    beyond Euler's.

    The valley below has $L = 1$ at its bottom and smaller curvature further out.
    """)
    return


@app.cell(hide_code=True)
def _():
    descent_slider = mo.ui.slider(
        0.1, 4.0, 0.05, value=3.0, label="step $h$ (in units of $1/L$)", include_input=True, full_width=True
    )
    descent_slider
    return (descent_slider,)


@app.cell(hide_code=True)
def _(descent_slider):
    descent_h = descent_slider.value
    return (descent_h,)


@app.cell(hide_code=True)
def _(descent_h):
    descents = run_descent(descent_h)
    descent_verdicts = judge_descent(descent_h)
    descent_picture = draw_descent(descents)
    boxes(descent_verdicts)
    return descent_picture, descent_verdicts, descents


@app.cell(hide_code=True)
def _(descent_picture):
    show(
        descent_picture,
        "Left, two points by RK4 in a convex valley; middle, by the implicit midpoint rule; right, "
        "the distance of the two points after each step.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Between $h = 2$ and $h = 2.785$ RK4 does no harm *in this valley*, nor in any parabola: there its
    factor is $|1 - z + \tfrac12z^2 - \tfrac16z^3 + \tfrac1{24}z^4|$ with $z = h\lambda$, at most $1$ up to
    $2.785$. A test on linear problems would call it safe. In another valley with the same $L$, one that curves
    differently from stage to stage, it expands: the box gives the factor of the worst one,
    enclosed by an exact certificate and by an exact example.

    ## 6. What this has to do with networks

    A residual layer $x + h\,f_\theta(x)$ is one step of Euler, with parameters of its own. A network is
    therefore a composition of steps, $\Psi_{\theta_k}\circ\dots\circ\Psi_{\theta_1}$, and everything
    above **survives composition**: if each $\Psi_{\theta_i}$ keeps the norm, so does their product; the same for
    a sum, for symplecticity, for not expanding. So, the recipe:

    1. choose a property that survives composition;
    2. choose fields that have it *for all parameters*: with any matrix $M_\theta(x)$, the field
       $(M_\theta - M_\theta^T)x$ keeps the norm, $(M_\theta - M_\theta^T)\mathbf 1$ the mass;
    3. choose a step that keeps it: the corrected Heun step, any Runge–Kutta step.

    Then the network has the property whatever it has learned. Nothing is trained here, nothing is
    penalised: the weights are random, $M_\theta(x) = U\,\mathrm{diag}(\tanh(Wx + b))\,V^T$ in each layer. The
    baseline is $x + h\tanh(Wx + b)$ with the same $W$, $b$.
    """)
    return


@app.cell(hide_code=True)
def _():
    layer_slider = mo.ui.slider(
        0.05, 1.0, 0.05, value=0.3, label="step $h$", include_input=True, full_width=True
    )
    weight_slider = mo.ui.slider(
        0.25, 4.0, 0.25, value=1.0, label="size of the weights", include_input=True, full_width=True
    )
    mo.hstack([layer_slider, weight_slider], widths="equal", gap=2)
    return layer_slider, weight_slider


@app.cell(hide_code=True)
def _(layer_slider, weight_slider):
    layer_h, weight_size = layer_slider.value, weight_slider.value
    return layer_h, weight_size


@app.cell(hide_code=True)
def _(layer_h, weight_size):
    networks = run_networks(layer_h, weight_size)
    network_verdicts = judge_networks(networks)
    network_picture = draw_networks(networks)
    boxes(network_verdicts)
    return network_picture, network_verdicts, networks


@app.cell(hide_code=True)
def _(network_picture):
    show(
        network_picture,
        "Left, one feature through the layers of random residual networks; middle, through networks "
        "that keep the norm or the mass; right, the errors of norm and mass through the layers.",
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercises

    Try first, then unfold.
    """)
    return


@app.cell(hide_code=True)
def _():
    fine = {run.name: run for run in run_pendulum(0.1)}
    overtaken = SWING * fine["StormerVerlet"].largest / fine["RK4"].largest
    both_kept = follow(Gonzalez, RigidBody.system, RigidBody.start, 0.6, TUMBLE, RigidBody.system.energy)
    lengths = np.linalg.norm(both_kept.states, axis=-1)
    weighted = follow("modified Patankar", modified_patankar_step, SIR.start, 2.0, EPIDEMIC, mass)
    turn = StormerVerlet.step(Pendulum.system, 0.0, np.array([0.0, 1.0]), 1.0)
    skipped = skip_determinant(1.0)
    mo.vstack(
        [
            exercise(
                "**1.** In section 1 take $h = 0.1$. RK4 has a far smaller energy error than "
                "Störmer–Verlet there. Who should simulate the solar system?",
                rf"""
                Up to $t = {SWING:.0f}$ RK4's error is {number(fine["RK4"].largest)} and Störmer–Verlet's
                {number(fine["StormerVerlet"].largest)}. But RK4's grows in proportion to the time, and the other
                does not: at that rate RK4 is overtaken at about $t = {overtaken:.0f}$, some
                {overtaken / 6.98:.0f} swings, and it took four evaluations of the force a step against one. For a
                short time take the accurate method, for a long one the symplectic method.
                """,
            ),
            exercise(
                "**2.** The free rigid body keeps its length *and* its energy. Gonzalez's method is made "
                "for the energy: $y^+ = y + h\\,\\hat m\\,\\bar\\nabla H$ with $m = \\tfrac12(y + y^+)$ and "
                "$\\hat m u = m \\times u$. What about the length?",
                rf"""
                It is kept too. $|y^+|^2 - |y|^2 = 2m^T(y^+ - y) = 2h\,m^T(m \times \bar\nabla H) = 0$. Over
                $t = {TUMBLE:.0f}$ with $h = 0.6$ the energy moves by {number(both_kept.largest)} and the length by
                {number(np.abs(lengths - lengths[0]).max())}. The corrected Heun step keeps the length only.
                """,
            ),
            exercise(
                "**3.** Mend Patankar's method: keep the mass *and* the signs.",
                rf"""
                Let what arrives be what leaves: $x^+ = x/(1 + hy)$, $\;y^+ = (y + hyx^+)/(1 + h)$,
                $\;z^+ = z + hy^+$. With $h = 2$ the mass moves by {number(weighted.largest)} and the
                smallest number of people is {weighted.states.min():.2g}. This is the *modified
                Patankar–Euler* method: each stream carries one weight at both of its ends.
                """,
            ),
            exercise(
                "**4.** “Our layers $\\Psi_i$ are symplectic. For easier training we add skip connections: "
                "$x + \\Psi_i(x)$, or the mean $\\tfrac12(x + \\Psi_i(x))$.” What is wrong?",
                rf"""
                Compositions keep structure, sums do not. For a step $\Psi$ of Störmer–Verlet on the pendulum with
                $h = 1$, taken at $(0, 1)$ where it leads to $({turn[0]:.2f}, {turn[1]:.2f})$, the determinant of $\Psi$ is
                1, that of $x + \Psi(x)$ is {skipped[0]:.2f} and that of the mean {skipped[1]:.2f}. The skip
                connection is already *inside* a residual layer: $\Psi$ itself is $x$ plus something.
                """,
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## To remember

    - What counts in the long run is not how large the error of a step is but where it points.
    - Each structure has its methods, and each method keeps what it was built for, no more:
      symplectic is not energy, energy is not length, mass is not positivity, and none of them is accuracy.
    - Structure survives composition. A network of structured layers has it before it has learned
      anything, and cannot unlearn it.

    Everything here is a claim that proves itself; try `flowcert claim` with a name:

    | section | claims |
    |:--|:--|
    | 1 | `F2.hamiltonian_field`, `F2.partitioned_steps`, `F2.symplectic_runge_kutta` |
    | 2 | `F5.gonzalez_gradient`, `F5.discrete_gradient_energy` |
    | 3 | `F4.norm_correction`, `F4.sphere_exponential`, `F6.quadratic_integrals` |
    | 4 | `F1.mass_field` |
    | 5 | `D4.circle_contractivity`, `D4.algebraic_stability`, `D4.failing_beyond_the_limit`, `D4.runge_kutta_factor` |
    | 6 | `A1.residual_layer`, `A2.composition` |

    And `flowcert method NAME` says of a method which structures it has.
    """)
    return
