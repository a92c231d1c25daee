# Open it with `marimo run lessons/why_structure_preserving.py` (or `marimo edit` to see the code),
# after `pip install "flowcert[lessons]"`.

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Why structure-preserving discretisation")

with app.setup:
    from collections.abc import Callable, Sequence
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
        System,
        tanh_mixture,
        trajectory,
    )
    from flowcert.numerics.diagnostics import contraction_factor, symplecticity_defect
    from flowcert.numerics.problems import SIR, Duffing, Pendulum, Problem, RigidBody
    from flowcert.theory.contraction import runge_kutta_contraction, worst_stage_data

    # Warm colours are baselines, cool ones keep a structure; safe for colour-blind eyes.
    BASELINE, SECOND_BASELINE = "#D55E00", "#E69F00"
    STRUCTURED, SECOND_STRUCTURED = "#0072B2", "#009E73"
    SWING, CIRCUITS, TUMBLE, EPIDEMIC, DESCENT = 150.0, 60.0, 40.0, 12.0, 12  # how long they run
    BOTTOM = [0.0, 1.36]  # where the pendulum is fastest: there its Jacobian is taken
    FAR = 1e5  # a run that goes beyond this ends there
    DEFECT = r"$\lVert J^T\Omega J - \Omega\rVert$"
    SWINGING = (Euler, RK4, StormerVerlet, ImplicitMidpoint)  # baselines, then structured
    STEEP_AND_FLAT = np.array([[0.8, 0.6], [-0.6, 0.8]])  # directions of the valley of section 5
    ROUNDING = 1e-12  # below this, relative to the numbers at hand, is rounding
    VIEW = np.array(
        [[0.8, -0.6, 0.0], [-0.36, -0.48, 0.8]]
    )  # the sphere seen from (0.48, 0.64, 0.6)
    NETWORKS, WIDTH, LAYERS = 12, 6, 40  # of section 6


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    # Why structure-preserving discretisation

    A differential equation $\dot y = f(y)$ often *keeps* something: an energy, a length, a total
    mass, the promise that no two solutions move apart. A numerical method replaces it by steps
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
    driven. RK4 does the opposite, more politely: areas shrink there and the swing dies. Störmer–Verlet is half a kick, a drift, half a kick,
    $p \mathrel{-}= \tfrac h2\sin q$, $\;q \mathrel{+}= hp$, $\;p \mathrel{-}= \tfrac h2\sin q$: three shears, each of determinant 1.
    """)
    return


@app.cell(hide_code=True)
def _():
    swing_slider = slider(0.1, 1.9, 0.05, 1.0, "step $h$")
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
    section(
        swing_verdicts,
        draw_pendulum(swings),
        "Left, Euler and RK4 leave the level line of the energy; middle, Störmer–Verlet and the "
        "implicit midpoint rule stay beside it; right, the largest energy error up to time t.",
    )
    return (swing_verdicts,)


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
    its error shrinks, and still grows with time. Make $h$ larger than $1.5$: the step stays
    symplectic to the last digit, but $h$ is no longer small, the series says nothing, and for most
    such $h$ Störmer–Verlet goes astray. *Structure does not replace stability.*

    /// details | Which Runge–Kutta methods are symplectic?

    With $M = BA + A^TB - bb^T$, $B = \mathrm{diag}(b)$, and $K_i$ the Jacobians of the slopes,
    $J^T\Omega J - \Omega = -h^2\sum_{ij}m_{ij}K_i^T\Omega K_j$. So $M = 0$ suffices. The implicit
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
    circuit_slider = slider(0.1, 0.6, 0.05, 0.5, "step $h$")
    amplitude_slider = slider(0.25, 2.0, 0.05, 1.5, "start $q_0$")
    mo.hstack([circuit_slider, amplitude_slider], widths="equal", gap=2)
    return amplitude_slider, circuit_slider


@app.cell(hide_code=True)
def _(amplitude_slider, circuit_slider):
    circuit_h, amplitude = circuit_slider.value, amplitude_slider.value
    return amplitude, circuit_h


@app.cell(hide_code=True)
def _(amplitude, circuit_h):
    circuits = run_duffing(circuit_h, amplitude)
    circuit_verdicts = judge_duffing(circuits, circuit_h)
    section(
        circuit_verdicts,
        draw_duffing(circuits),
        "Left, the implicit midpoint rule on Duffing's oscillator beside the level line; middle, "
        "Gonzalez's method on it; right, their energy errors, the second at the level of rounding.",
    )
    return (circuit_verdicts,)


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
    tumble_slider = slider(0.05, 1.2, 0.05, 0.6, "step $h$")
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
    section(
        tumble_verdicts,
        draw_rigid_body(tumbles),
        "Left, Heun's method spirals off the sphere; middle, the corrected Heun step and RKMK4 stay "
        "on it; right, the error of the length, theirs at the level of rounding.",
    )
    return (tumble_verdicts,)


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
    epidemic_slider = slider(0.05, 2.0, 0.05, 0.5, "step $h$")
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
    section(
        epidemic_verdicts,
        draw_epidemic(epidemics),
        "Left, an epidemic by Patankar's Euler method, its total moving; middle, by RK4, its total "
        "constant; right, the error of the total mass.",
    )
    return (epidemic_verdicts,)


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
    descent_slider = slider(0.1, 4.0, 0.05, 3.0, "step $h$ (in units of $1/L$)")
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
    section(
        descent_verdicts,
        draw_descent(descents),
        "Left, two points by RK4 in a convex valley; middle, by the implicit midpoint rule; right, "
        "the distance of the two points after each step.",
    )
    return (descent_verdicts,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    Two points on both sides of the valley's floor: the steps of RK4 are too long for the steep
    direction and part them, to two false minima. Between $h = 2$ and $h = 2.785$ RK4 does no harm
    *in this valley*, nor in any quadratic one: there its factor is
    $|1 - z + \tfrac12z^2 - \tfrac16z^3 + \tfrac1{24}z^4|$ with $z = h\lambda$, at most $1$ up to
    $z = 2.785$. A test on linear problems would call it safe. But in another valley with the same
    $L$, one that curves differently where the four stages are, it expands: the factor in the last
    column is attained, by an example in exact fractions.

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
    layer_slider = slider(0.05, 1.0, 0.05, 0.3, "step $h$")
    weight_slider = slider(0.25, 2.0, 0.25, 1.0, "size of the weights")
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
    section(
        network_verdicts,
        draw_networks(networks),
        "Left, one feature through the layers of random residual networks; middle, through networks "
        "that keep the norm or the mass; right, the errors of norm and mass through the layers.",
    )
    return (network_verdicts,)


@app.cell(hide_code=True)
def _():
    mo.md(r"""
    ## Exercises

    Try first, then unfold.
    """)
    return


@app.cell(hide_code=True)
def _():
    pendulum = Pendulum.system
    accurate, symplectic = (
        follow(method, pendulum, Pendulum.start, 0.1, SWING, pendulum.energy)
        for method in (RK4, StormerVerlet)
    )
    overtaken = SWING * symplectic.largest / accurate.largest
    both_kept = follow(
        Gonzalez, RigidBody.system, RigidBody.start, 0.6, TUMBLE, RigidBody.system.energy
    )
    lengths = np.linalg.norm(both_kept.states, axis=-1)
    mended = follow("mended", mended_patankar_step, SIR.start, 2.0, EPIDEMIC, mass)
    turn = StormerVerlet.step(Pendulum.system, 0.0, np.array([0.0, 1.0]), 1.0)
    skipped = skip_determinants(1.0)
    mo.vstack(
        [
            exercise(
                "**1.** In section 1 take $h = 0.1$. RK4 has a far smaller energy error than "
                "Störmer–Verlet there. Who should simulate the solar system?",
                rf"""
                Up to $t = {SWING:.0f}$ RK4's error is {number(accurate.largest)} and Störmer–Verlet's
                {number(symplectic.largest)}. But RK4's grows in proportion to the time, and the other
                does not: at that rate RK4 is overtaken at about $t = {overtaken:.0f}$, and it takes
                four evaluations of the force a step against one. For a short time take the accurate
                method, for a long one the symplectic method.
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
                $\;z^+ = z + hy^+$. With $h = 2$ the mass moves by {number(mended.largest)} and the
                smallest number of people is {mended.states.min():.2g}. This is the *modified
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


@app.class_definition
@dataclass(frozen=True, eq=False)
class Run:
    """A run: states (k, …) at ``times`` (k,), and the ``error`` (k,) of what should be kept."""

    name: str
    times: np.ndarray
    states: np.ndarray
    error: np.ndarray

    @property
    def largest(self) -> float:
        return self.largest_until(np.inf)

    def largest_until(self, time: float) -> float:
        return float(np.abs(self.error[self.times <= time]).max())


@app.class_definition
@dataclass(frozen=True)
class Verdict:
    """Whether the structure is kept, in a headline, and the numbers."""

    kept: bool
    head: str
    words: str


@app.function
def follow(
    method: Method | str,
    by: object,
    start: np.ndarray,
    h: float,
    end: float,
    kept: Callable[[np.ndarray], np.ndarray],
) -> Run:
    """Steps of ``method`` on the system ``by`` (or steps y⁺ = by(y, h) of that name) up to ``end``.

    ``kept`` maps states (k, …, n) to the numbers (k,) that should stay as they were at the start.
    """
    if isinstance(method, str):
        name, step = method, by
    else:
        system = method.prepare(by)
        name, step = method.name, lambda y, h: method.step(system, 0.0, y, h)
    states = [np.asarray(start, dtype=float)]
    while len(states) * h <= end * (1 + 1e-9) and np.abs(states[-1]).max() < FAR:
        states.append(step(states[-1], h))
    values = kept(np.array(states))
    return Run(name, h * np.arange(len(states)), np.array(states), values - values[0])


@app.function
def mass(y: np.ndarray) -> np.ndarray:
    return y.sum(axis=-1)


@app.function
def length(y: np.ndarray) -> np.ndarray:
    return np.linalg.norm(y, axis=-1)


@app.function
def run_pendulum(h: float) -> list[Run]:
    """Euler, RK4, Störmer–Verlet and the implicit midpoint rule."""
    system, start = Pendulum.system, Pendulum.start
    return [follow(method, system, start, h, SWING, system.energy) for method in SWINGING]


@app.function
def judge_pendulum(runs: list[Run], h: float) -> tuple[Verdict, Verdict]:
    """Symplectic by the Jacobian; astray where the energy leaves (0, 2): from rest to turning over."""
    low, high = -Pendulum.system.energy(Pendulum.start), 2 - Pendulum.system.energy(Pendulum.start)
    defects = [symplecticity_defect(m, Pendulum.system, BOTTOM, h).defect for m in SWINGING]
    header = (DEFECT, f"error to $t = {SWING / 2:.0f}$", f"to $t = {SWING:.0f}$")
    rows = [
        (run.name, number(defect), number(run.largest_until(SWING / 2)), number(run.largest))
        for run, defect in zip(runs, defects, strict=True)
    ]
    fates = []
    for run in runs[:2]:
        if run.error.max() >= high:
            fates.append(f"{run.name} drives the pendulum over the top")
        elif run.error[-1] <= 0.9 * low:
            fates.append(f"{run.name} brings it to rest")
        else:
            fates.append(
                f"{run.name} {'puts energy in' if run.error[-1] > 0 else 'takes energy out'}"
            )
    astray = any(run.error.min() <= low or run.error.max() >= high for run in runs[2:])
    words = "The energy error oscillates and does not grow."
    if astray:
        words = "But the step is too long: nothing holds the energy."
    symplectic = [max(part) <= ROUNDING for part in (defects[:2], defects[2:])]
    return (
        verdict(symplectic[0], "Not symplectic", ", ".join(fates) + ".", header, rows[:2]),
        verdict(
            symplectic[1] and not astray,
            "Symplectic, and astray" if astray else "Symplectic",
            words,
            header,
            rows[2:],
        ),
    )


@app.function
def modified_energy(y: np.ndarray, h: float) -> np.ndarray:
    """H + h²H₂: what Störmer–Verlet keeps of the pendulum, up to O(h⁴)."""
    q, p = y[..., 0], y[..., 1]
    return Pendulum.system.energy(y) + h**2 * (p**2 * np.cos(q) / 12 - np.sin(q) ** 2 / 24)


@app.function
def draw_pendulum(runs: list[Run]) -> matplotlib.figure.Figure:
    """Phase portraits and energy errors; the dotted line is the modified energy."""
    with styling.styled():
        picture, panels = three_panels("energy error up to $t$")
        colours = (SECOND_BASELINE, BASELINE, STRUCTURED, SECOND_STRUCTURED)
        for axes, part in zip(panels, (slice(0, 2), slice(2, 4)), strict=False):
            draw_level(axes, Pendulum, Pendulum.start, np.pi, 2.9)
            for run, colour in zip(runs[part], colours[part], strict=True):
                angle = (run.states[:, 0] + np.pi) % (2 * np.pi) - np.pi
                axes.plot(angle, run.states[:, 1], ".", color=colour, markersize=3, label=run.name)
            legend(axes, "upper right")
        draw_errors(panels[2], runs, colours)
        verlet = runs[2]
        kept = modified_energy(verlet.states, verlet.times[1])
        so_far = np.maximum.accumulate(np.abs(kept - kept[0]))
        panels[2].plot(
            verlet.times[1:], so_far[1:], ":", color=STRUCTURED, label=r"StormerVerlet, $\tilde H$"
        )
        panels[2].set(xscale="log", xlim=(1, SWING), ylim=(1e-8, 1e6))
        legend(panels[2], "upper left")
    return picture


@app.function
def run_duffing(h: float, amplitude: float) -> list[Run]:
    """The implicit midpoint rule and Gonzalez's method from (amplitude, 0)."""
    system, start = Duffing.system, np.array([amplitude, 0.0])
    return [
        follow(m, system, start, h, CIRCUITS, system.energy) for m in (ImplicitMidpoint, Gonzalez)
    ]


@app.function
def judge_duffing(runs: list[Run], h: float) -> list[Verdict]:
    """Kept is what is kept to rounding."""
    verdicts = []
    for run, method in zip(runs, (ImplicitMidpoint, Gonzalez), strict=True):
        start = run.states[0]
        kept = run.largest <= ROUNDING * Duffing.system.energy(start)
        defect = symplecticity_defect(method, Duffing.system, start, h).defect
        head = "The energy is kept" if kept else "The energy is not kept"
        words = "To rounding, at every step." if kept else "It does not drift, but it moves."
        rows = [(run.name, number(run.largest), number(defect))]
        verdicts.append(verdict(kept, head, words, ("energy error", DEFECT), rows))
    return verdicts


@app.function
def draw_duffing(runs: list[Run]) -> matplotlib.figure.Figure:
    """The two runs beside the level line, and their energy errors."""
    with styling.styled():
        picture, panels = three_panels("energy error up to $t$")
        start = runs[0].states[0]
        height = np.sqrt(2 * Duffing.system.energy(start))
        for axes, run, colour in zip(panels, runs, (BASELINE, STRUCTURED), strict=False):
            draw_level(axes, Duffing, start, 1.35 * start[0], 1.5 * height)
            axes.plot(*run.states.T, ".", color=colour, markersize=3, label=run.name)
            legend(axes, "upper right")
        draw_errors(panels[2], runs, (BASELINE, STRUCTURED))
    return picture


@app.function
def run_rigid_body(h: float) -> list[Run]:
    """Heun, Heun with norm correction, and RKMK4."""
    system, start = RigidBody.system, RigidBody.start
    return [follow(m, system, start, h, TUMBLE, length) for m in (Heun, NormCorrectedHeun, RKMK4)]


@app.function
def judge_rigid_body(runs: list[Run]) -> list[Verdict]:
    """Kept is what is kept to rounding."""
    radius = float(length(RigidBody.start))
    verdicts = []
    for part in (runs[:1], runs[1:]):
        kept = all(run.largest <= ROUNDING * radius for run in part)
        rows = [(run.name, number(length(run.states[-1]), 5), number(run.largest)) for run in part]
        head = "The length is kept" if kept else "It leaves the sphere"
        words = "To rounding" if kept else "Every step leads outwards"
        words = f"{words}; at the start $|y| = {radius:.4f}$."
        verdicts.append(verdict(kept, head, words, ("at the end", "largest error"), rows))
    return verdicts


@app.function
def draw_rigid_body(runs: list[Run]) -> matplotlib.figure.Figure:
    """The runs seen from outside the sphere, and the errors of the length."""
    with styling.styled():
        picture, panels = three_panels("error of $|y|$ up to $t$")
        _, exact = trajectory(RigidBody.system, RigidBody.start, (0.0, 16.0), RK4, 800)
        angle = np.linspace(0, 2 * np.pi, 121)
        circle = length(RigidBody.start) * np.stack([np.cos(angle), np.sin(angle)])
        colours = (BASELINE, STRUCTURED, SECOND_STRUCTURED)
        for axes, part in zip(panels, (slice(0, 1), slice(1, 3)), strict=False):
            axes.fill(*circle, facecolor="#F2F2F2", edgecolor="#888888", linewidth=0.8)
            axes.plot(*(VIEW[:, :2] @ circle), color="#CCCCCC", linewidth=0.6)  # the equator
            axes.plot(*(VIEW @ exact.T), color="#888888", linewidth=1.2)
            for run, colour in zip(runs[part], colours[part], strict=True):
                seen = VIEW @ run.states.T
                axes.plot(*seen, ".-", color=colour, markersize=3, linewidth=0.4, label=run.name)
            axes.set(xlim=(-1.9, 1.9), ylim=(-1.6, 2.2), aspect="equal", xticks=[], yticks=[])
            legend(axes, "upper right")
        draw_errors(panels[2], runs, colours)
    return picture


@app.function
def patankar_step(u: np.ndarray, h: float) -> np.ndarray:
    """Losses implicitly, component by component; gains explicitly."""
    x, y, z = u
    return np.array([x / (1 + h * y), (y + h * x * y) / (1 + h), z + h * y])


@app.function
def mended_patankar_step(u: np.ndarray, h: float) -> np.ndarray:
    """What arrives is what leaves."""
    x, y, z = u
    left = x / (1 + h * y)
    ill = (y + h * y * left) / (1 + h)
    return np.array([left, ill, z + h * ill])


@app.function
def run_epidemic(h: float) -> list[Run]:
    """Patankar's Euler method, Euler and RK4."""
    steps = (("Patankar–Euler", patankar_step), (Euler, SIR.system), (RK4, SIR.system))
    return [follow(method, by, SIR.start, h, EPIDEMIC, mass) for method, by in steps]


@app.function
def judge_epidemic(runs: list[Run]) -> list[Verdict]:
    """Kept is what is kept to rounding; a negative number of people is said as well."""
    verdicts = []
    for part in (runs[:1], runs[1:]):
        kept = all(run.largest <= ROUNDING * np.abs(run.states).max() for run in part)
        rows = [
            (
                run.name,
                number(mass(run.states[-1]), 5),
                number(run.largest),
                number(run.states.min()),
            )
            for run in part
        ]
        words = f"At the start $x + y + z = {mass(SIR.start):.4f}$."
        if any(run.states.min() < 0 for run in part):
            words += " **Negative numbers of people occur**: nobody promised that they would not."
        head = "The mass is kept" if kept else "The mass is not kept"
        header = ("at the end", "largest error", "smallest entry")
        verdicts.append(verdict(kept, head, words, header, rows))
    return verdicts


@app.function
def draw_epidemic(runs: list[Run]) -> matplotlib.figure.Figure:
    """The compartments and their total by Patankar's method and by RK4, and the mass errors."""
    with styling.styled():
        picture, panels = three_panels("error of the mass up to $t$")
        for axes, run, colour in zip(panels, runs[::2], (BASELINE, STRUCTURED), strict=False):
            for i, style in enumerate(("-", "--", ":")):
                axes.plot(
                    run.times, run.states[:, i], style, color="#666666", label=f"${'xyz'[i]}$"
                )
            axes.axhline(mass(SIR.start), color="#BBBBBB", linewidth=0.6)
            axes.plot(run.times, mass(run.states), ".-", color=colour, ms=3, label="$x + y + z$")
            axes.set(xlim=(0, EPIDEMIC), ylim=(-1, 7), xlabel="$t$")
            axes.legend(loc="upper center", ncols=4, columnspacing=0.8, title=run.name)
        draw_errors(panels[2], runs, (BASELINE, SECOND_STRUCTURED, STRUCTURED))
    return picture


@app.function
def valley() -> GradientField:
    """−∇V for a convex V with curvature up to L = 1, which is attained at 0."""
    return GradientField(np.diag([1.0, 0.5]) @ STEEP_AND_FLAT, activation=tanh_mixture(0.25))


@app.function
def run_descent(h: float) -> list[Run]:
    """Two points on both sides of the valley's floor; what should not grow is their distance."""
    start = np.array([[0.15, 2.5], [-0.1, 2.5]]) @ STEEP_AND_FLAT
    return [
        follow(method, valley(), start, h, DESCENT * h, lambda y: length(y[:, 0] - y[:, 1]))
        for method in (RK4, ImplicitMidpoint)
    ]


@app.function
def judge_descent(h: float) -> list[Verdict]:
    """The limit 2r/L, the worst of many pairs in the valley, and the worst valley with L = 1."""
    rng = np.random.default_rng(1)
    pairs = np.concatenate([rng.uniform(-size, size, (600, 2, 2)) for size in (3.0, 0.1)])
    verdicts = []
    for method in (RK4, ImplicitMidpoint):
        radius = theory.bounds.bound_circle_contractivity_radius(method.tableau)
        limit = float(theory.bounds.bound_runge_kutta_step(radius, 1.0))
        here = contraction_factor(method, valley(), pairs, h).factor
        if h <= limit:
            head, words = (
                "It does not expand",
                "Neither here nor in any convex valley with $L = 1$.",
            )
            factor = runge_kutta_contraction(method.tableau, h, 0.0, 1.0).bound_factor
            worst = f"at most {factor:.4f}"
        else:
            head, words = "It may expand", "Not here, but in another valley with $L = 1$."
            if here > 1:
                head, words = "It expands", "Already in this valley."
            factor = float(worst_stage_data(method.tableau, h, 0.0, 1.0).factor_squared) ** 0.5
            worst = f"at least {np.floor(1e4 * factor) / 1e4:.4f}"
        rows = [(method.name, f"{limit:.2f}".replace("inf", "∞"), f"{here:.4f}", worst)]
        header = ("limit $2r/L$", "factor here", "in the worst valley")
        verdicts.append(verdict(h <= limit, head, words, header, rows))
    return verdicts


@app.function
def draw_descent(runs: list[Run]) -> matplotlib.figure.Figure:
    """Two points in the valley by both methods, and their distance."""
    with styling.styled():
        picture, panels = three_panels("distance / first distance")
        side = np.linspace(-3, 3, 81)
        V = -valley().potential(np.stack(np.meshgrid(side, side), axis=-1))
        for axes, run, colour in zip(panels, runs, (BASELINE, STRUCTURED), strict=False):
            levels = V.max() * np.linspace(0, 1, 13) ** 2
            axes.contourf(side, side, V, levels, cmap="Greys_r", alpha=0.35)
            axes.plot(*run.states.transpose(2, 1, 0), color="#222222", linewidth=0.3)
            for point, face in ((0, colour), (1, "white")):
                path = run.states[:, point].T
                axes.plot(
                    *path, "o-", color=colour, markerfacecolor=face, markersize=3, linewidth=0.6
                )
            axes.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xlabel="$y_1$")
            axes.text(0.04, 0.04, run.name, transform=axes.transAxes, fontsize=8)
            apart = length(run.states[:, 0] - run.states[:, 1])
            panels[2].plot(apart / apart[0], ".-", color=colour, label=run.name)
        panels[2].axhline(1, color="#444444", linewidth=0.6)
        panels[2].set(yscale="log", ylim=(1e-3, 1e2), xlim=(0, DESCENT), xlabel="step")
        legend(panels[2], "upper right")
    return picture


@app.function
def random_layer(rng: np.random.Generator, size: float) -> dict[str, tuple[Method, System]]:
    """One layer of each kind with the same weights, for all networks at once: a step and a field."""
    U, V, W = size * rng.standard_normal((3, NETWORKS, WIDTH, WIDTH)) / np.sqrt(WIDTH)
    b = rng.standard_normal((NETWORKS, WIDTH))

    def activated(t: float, x: np.ndarray) -> np.ndarray:
        return np.tanh((W @ x[..., None])[..., 0] + b)

    def skew(t: float, x: np.ndarray) -> np.ndarray:
        M = (U * activated(t, x)[..., None, :]) @ V.swapaxes(-1, -2)
        return M - M.swapaxes(-1, -2)

    return {
        "residual": (Euler, FieldSystem(activated, WIDTH)),
        "norm": (NormCorrectedHeun, SphereSystem(skew, WIDTH)),
        "mass": (Euler, FieldSystem(lambda t, x: skew(t, x).sum(axis=-1), WIDTH)),
    }


@app.function
def run_networks(h: float, size: float) -> dict[str, np.ndarray]:
    """The features of each kind of network after each layer, shape (layers + 1, network, feature)."""
    rng = np.random.default_rng(7)
    start = rng.standard_normal((NETWORKS, WIDTH))
    features = {"residual": [start], "norm": [start], "mass": [start]}
    for _ in range(LAYERS):
        for kind, (method, field) in random_layer(rng, size).items():
            features[kind].append(method.step(field, 0.0, features[kind][-1], h))
    return {kind: np.array(states) for kind, states in features.items()}


@app.function
def network_errors(features: dict[str, np.ndarray]) -> dict[tuple[str, str], np.ndarray]:
    """By (network, property): the largest error over the networks, after each layer."""
    asked = [("residual", "norm"), ("residual", "mass"), ("norm", "norm"), ("mass", "mass")]
    measures = {"norm": length, "mass": mass}
    errors = {}
    for kind, kept in asked:
        values = measures[kept](features[kind])
        errors[kind, kept] = np.abs(values - values[0]).max(axis=-1)
    return errors


@app.function
def judge_networks(features: dict[str, np.ndarray]) -> list[Verdict]:
    """Kept is what is kept to rounding, by all networks."""
    errors = network_errors(features)
    verdicts = []
    for pairs in (list(errors)[:2], list(errors)[2:]):
        sizes = [np.abs(features[network]).max() for network, _ in pairs]
        largest = [errors[pair].max() for pair in pairs]
        kept = all(a <= ROUNDING * b for a, b in zip(largest, sizes, strict=True))
        rows = [
            (f"{network} networks", what, number(error))
            for (network, what), error in zip(pairs, largest, strict=True)
        ]
        head = "Norm and mass are kept" if kept else "Neither norm nor mass is kept"
        words = f"{NETWORKS} networks of {LAYERS} layers with random weights."
        verdicts.append(verdict(kept, head, words, ("of the", "largest error"), rows))
    return verdicts


@app.function
def draw_networks(features: dict[str, np.ndarray]) -> matplotlib.figure.Figure:
    """The first feature through the layers of some networks, and the errors of all."""
    with styling.styled():
        picture, panels = three_panels("largest error up to the layer")
        colours = {"residual": BASELINE, "norm": STRUCTURED, "mass": SECOND_STRUCTURED}
        for axes, networks in zip(panels, (("residual",), ("norm", "mass")), strict=False):
            for network in networks:
                shown = features[network][:, :6, 0]
                lines = axes.plot(shown, color=colours[network], linewidth=0.7)
                lines[0].set_label(f"{network} networks")
            axes.set(xlim=(0, LAYERS), xlabel="layer", ylabel="first feature")
            axes.margins(y=0.4)
            legend(axes, "upper left")
        for (network, kept), error in network_errors(features).items():
            style = "-" if kept == "norm" else "--"
            shown = np.maximum(np.maximum.accumulate(error), 1e-17)
            panels[2].plot(shown, style, color=colours[network], label=f"{network}: {kept}")
        panels[2].set(yscale="log", xlim=(0, LAYERS), xlabel="layer", ylim=(1e-17, 1e8))
        legend(panels[2], "center right")
    return picture


@app.function
def skip_determinants(h: float) -> tuple[float, float]:
    """det of x + Ψ(x) and of ½(x + Ψ(x)), Ψ a step of Störmer–Verlet on the pendulum at (0, 1)."""
    J = symplecticity_defect(StormerVerlet, Pendulum.system, [0.0, 1.0], h).jacobian
    return float(np.linalg.det(np.eye(2) + J)), float(np.linalg.det((np.eye(2) + J) / 2))


@app.function
def three_panels(errors: str) -> tuple[matplotlib.figure.Figure, np.ndarray]:
    """The baseline, the structured method, and the errors of both."""
    picture = matplotlib.figure.Figure(figsize=(9.6, 3.2))
    panels = picture.subplots(1, 3)
    for axes, letter, title in zip(panels, "abc", ("baseline", "structured", errors), strict=True):
        styling.name_panel(axes, letter, title)
    return picture, panels


@app.function
def draw_level(
    axes: matplotlib.axes.Axes, problem: Problem, start: np.ndarray, width: float, height: float
) -> None:
    """The level line of the energy through ``start``, in the window of the two half sides."""
    q, p = np.meshgrid(np.linspace(-width, width, 121), np.linspace(-height, height, 121))
    energy = problem.system.energy(np.stack([q, p], axis=-1))
    axes.contour(q, p, energy, [problem.system.energy(start)], colors="#888888", linewidths=1.2)
    axes.set(xlim=(-width, width), ylim=(-height, height), xlabel="$q$", ylabel="$p$")


@app.function
def draw_errors(axes: matplotlib.axes.Axes, runs: list[Run], colours: Sequence[str]) -> None:
    """The largest error so far of each run, on a logarithmic scale with 1e-17 for none."""
    for run, colour in zip(runs, colours, strict=True):
        so_far = np.maximum(np.maximum.accumulate(np.abs(run.error)), 1e-17)
        axes.plot(run.times[1:], so_far[1:], color=colour, label=run.name)
    axes.set(yscale="log", ylim=(1e-17, 1e8), xlabel="$t$")
    legend(axes, "upper right")


@app.function
def legend(axes: matplotlib.axes.Axes, place: str) -> None:
    """A legend that stays readable where a curve runs behind it."""
    axes.legend(loc=place, frameon=True, framealpha=0.9, edgecolor="none")


@app.function
def number(value: float, digits: int = 3) -> str:
    """So many digits, or two and a power of ten where that is shorter."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.{digits}g}".replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    return rf"${mantissa} \cdot 10^{{{int(exponent)}}}$"


@app.function
def verdict(
    kept: bool, head: str, words: str, header: Sequence[str], rows: list[tuple[str, ...]]
) -> Verdict:
    """A verdict with its numbers in a table, whose first column, the names, has no header."""
    lines = ["| | " + " | ".join(header) + " |", "|:--|" + "--:|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return Verdict(kept, head, words + "\n\n" + "\n".join(lines))


@app.function
def section(
    verdicts: Sequence[Verdict], picture: matplotlib.figure.Figure, description: str
) -> mo.Html:
    """The two boxes, the baseline's on the left, and below them the picture."""
    boxes = mo.hstack([box(each) for each in verdicts], widths="equal", gap=1, align="stretch")
    return mo.vstack([boxes, show(picture, description)])


@app.function
def box(verdict: Verdict) -> mo.Html:
    """The verdict on the page: red if the structure is lost, green if it is kept."""
    kind, tint, mark = (
        ("success", "rgba(0, 140, 60, 0.09)", "✓")
        if verdict.kept
        else ("danger", "rgba(220, 0, 0, 0.13)", "✗")
    )
    text = mo.md(f"### {mark} {verdict.head}\n\n{verdict.words}")
    return mo.style(mo.callout(text, kind=kind), {"background-color": tint})


@app.function
def slider(low: float, high: float, step: float, value: float, label: str) -> mo.ui.slider:
    return mo.ui.slider(
        low, high, step, value=value, label=label, include_input=True, full_width=True
    )


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
