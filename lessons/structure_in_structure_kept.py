# Open it with `marimo run lessons/structure_in_structure_kept.py` (or `marimo edit` to see the
# code), after `pip install "flowcert[lessons]"`.

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Structure in, structure kept")

with app.setup:
    from collections.abc import Callable, Iterable

    import marimo as mo
    import matplotlib.figure
    import numpy as np
    import torch
    from torch import nn

    from flowcert.figures import styling
    from flowcert.networks import certify
    from flowcert.networks import layers as kept
    from flowcert.networks.layers import (
        MassProjection,
        MassStep,
        SphereStep,
        VerletStep,
        VolumeStep,
    )
    from flowcert.numerics import RK4, canonical_structure, flow_map
    from flowcert.numerics.problems import SIR

    ORDINARY, STRUCTURED, TRUTH = "#D55E00", "#0072B2", "#222222"  # safe for colour-blind eyes
    LAYERS, FEATURES, HIDDEN, CLOUD, BENT = 50, 4, 16, 64, 10  # of parts 1 and 2
    PEOPLE, EXTRA, DEPTH, TRAINING, ROLL = 3, 3, 3, 600, 60  # of part 3
    INTERVAL, LARGEST = 0.5, (2.5, 1.5, 1.5)  # between two counts; the largest counts
    ROUNDING = 1e-11  # below this is rounding


@app.cell(hide_code=True)
def _():
    step_slider = mo.ui.slider(0.05, 1.0, 0.05, value=0.3, label="step $h$", include_input=True)
    weight_slider = mo.ui.slider(0.25, 3.0, 0.25, value=1.0, label="weights, ×", include_input=True)
    mo.md(rf"""
    # Structure in, structure kept

    A network that predicts an epidemic should not invent people. One way is to show it many examples, and to hope. Another is to
    build it from layers that **cannot**. A residual layer $x + hf(x)$ is one step of $\dot x = f(x)$: choose a field that keeps what
    you care about, and a method that keeps it too. **Orange** is an ordinary network, **blue** one of structured layers.

    ## 1. Four promises

    | kept | layer | why |
    |:--|:--|:--|
    | mass $\sum x_i$ | `MassStep`: $x + h(M - M^T)\mathbf 1$ | $\mathbf 1^T(M - M^T)\mathbf 1 = 0$ |
    | norm $\lvert x\rvert$ | `SphereStep`: $\dot x = S(x)x$, $S^T = -S$ | $x^TSx = 0$, and Heun goes back along its chord |
    | volume $\det D$ | `VolumeStep`: $x$ moves by a function of $v$, then $v$ by one of $x$ | two shears: $\det D = 1$ |
    | form $D^TJD = J$ | `VerletStep`: kick, drift, kick | three shears by gradients |

    $D$ is the Jacobian of the layer. The matrices $M(x)$ and $S(x) = \Lambda(x) - \Lambda(x)^T$ come out of small networks, with any
    weights. Here are {LAYERS} layers on {FEATURES} features with random weights, beside {LAYERS} ordinary ones of the same width with
    {HIDDEN} hidden units, and a cloud of {CLOUD} points.

    {step_slider} {weight_slider}
    """)
    return step_slider, weight_slider


@app.cell(hide_code=True)
def _(step_slider, weight_slider):
    drifts = all_drifts(step_slider.value, weight_slider.value)

    def _draw(*panels):
        for axes, letter, (name, pair) in zip(panels, "abcd", drifts.items(), strict=True):
            for found, colour, label in zip(
                pair, (ORDINARY, STRUCTURED), ("ordinary", "structured"), strict=True
            ):
                axes.semilogy(
                    1 + np.arange(LAYERS), np.maximum(found, 1e-17), color=colour, label=label
                )
            axes.set(xlabel="layer", ylim=(1e-17, 1e4))
            styling.name_panel(axes, letter, name)

    _kept = all(pair[1].max() < ROUNDING for pair in drifts.values())
    _words = f"""### {"✓ Kept to rounding, whatever the weights" if _kept else "✗ Something moved"}

| largest drift after {LAYERS} layers | ordinary | structured |
|:--|--:|--:|
{table((name, *(f"{found[-1]:.2g}" for found in pair)) for name, pair in drifts.items())}"""
    _box = mo.callout(mo.md(_words), kind="success" if _kept else "danger")
    mo.vstack([_box, picture("Drifts of four quantities through the layers.", _draw, 4)])
    return (drifts,)


@app.cell(hide_code=True)
def _(step_slider, weight_slider):
    discs = carry_disc(step_slider.value, weight_slider.value)
    returned = way_back(step_slider.value, weight_slider.value)

    def _draw(*panels):
        turn = np.linspace(0, 2 * np.pi, 200)
        for axes, letter, colour, name in zip(
            panels, "ab", (ORDINARY, STRUCTURED), discs, strict=True
        ):
            axes.fill(np.cos(turn), np.sin(turn), color="#BBBBBB", label="the disc")
            axes.fill(*discs[name][0], color=colour, alpha=0.6, label="its image")
            axes.set(xlabel="$x$", ylabel="$v$", aspect="equal")
            styling.name_panel(axes, letter, f"{name}: area × {discs[name][1]:.3f}")

    _words = f"""## 2. What volume means

A disc goes through {BENT} random layers. Those that keep volume may bend and stretch it, but not inflate it: its area is multiplied
by **{discs["structured"][1]:.4f}**, by the ordinary ones by **{discs["ordinary"][1]:.4f}**. They can also be undone without solving anything:
the way back misses the start by {returned:.1e}."""
    mo.vstack([mo.md(_words), picture("A disc and its images.", _draw)])
    return discs, returned


@app.cell(hide_code=True)
def _():
    mo.md(rf"""
    ## 3. Training cannot unlearn it

    The epidemic $\dot x = -xy$, $\dot y = xy - y$, $\dot z = y$ is counted every {INTERVAL} units of time. Both networks learn one
    interval from 200 examples; then each is fed its own predictions, {ROLL} times. The structured one pads with {EXTRA} zeros, takes
    {DEPTH} mass steps, and ends with `MassProjection`, $(x, z) \mapsto x + \mathbf 1(\mathbf 1^Tz)/k$: what is dropped is shared out. In
    fact $(M - M^T)\mathbf 1 = K\tanh(Wx + b)$ where the columns of $K$ sum to zero: these *are* ordinary layers, with one condition
    on their weights.
    """)
    return


@app.cell(hide_code=True)
def _():
    trained = {"ordinary": train(False), "structured": train(True), "penalised": train(False, 1.0)}
    return (trained,)


@app.cell(hide_code=True)
def _(trained):
    truth = roll_out(interval)
    rolled = {name: roll_out(network) for name, network in trained.items()}
    errors = {name: one_step_error(network) for name, network in trained.items()}
    masses = {name: np.abs(states.sum(-1) - truth[0].sum()) for name, states in rolled.items()}

    def _draw(people, drift):
        t, runs = INTERVAL * np.arange(ROLL + 1), {"truth": truth, **rolled}
        for name, colour, look in (
            ("truth", TRUTH, ":"),
            ("ordinary", ORDINARY, "--"),
            ("structured", STRUCTURED, "-"),
        ):
            people.plot(t, runs[name], look, color=colour, label=[name, None, None])
            if name != "truth":
                drift.semilogy(t, np.maximum(masses[name], 1e-17), look, color=colour)
        people.set(xlabel="time")
        drift.set(xlabel="time", ylim=(1e-17, 1e2))
        styling.name_panel(people, "a", "the three counts")
        styling.name_panel(drift, "b", "error of their sum")

    _names = ("ordinary", "structured")
    _words = f"""### ✗ The ordinary network invents people, and loses them

| | error of one interval | largest error of the sum |
|:--|--:|--:|
{table((name, f"{errors[name]:.3f}", f"{masses[name].max():.2g}") for name in _names)}

The ordinary one has learned the sum on average, over its examples; on its own path nothing holds it. The structured one had the
sum before it had learned anything."""
    mo.vstack(
        [mo.callout(mo.md(_words), kind="danger"), picture("Predictions, and their sum.", _draw)]
    )
    return errors, masses, rolled, truth


@app.cell(hide_code=True)
def _(trained):
    whole = certify(trained["structured"], (PEOPLE,), effort="quick")
    projection = certify(MassProjection(PEOPLE + EXTRA, PEOPLE).eval(), (PEOPLE + EXTRA,))
    apart = part_on_the_sphere()
    mo.md(f"""
    ## 4. What is not promised

    - **Accuracy.** Look at the picture: the sum is right, the parts need not be.
    - **That points stay together.** The structured network of part 3 has a Lipschitz constant in [{whole.lower:.4g}, {whole.upper:.4g}]. Its
      projection alone has $\\sqrt{{1 + d/k}}$ = {np.sqrt(1 + EXTRA / PEOPLE):.6f}, certified {projection.upper:.6f}. Two points of a unit sphere, {apart[0]:.2g}
      apart, are {apart[1]:.2g} apart after {LAYERS} sphere steps. `certify` refuses a sphere step: *{SphereStep.refused}*.
    - **A second structure.** What keeps the mass need not keep the norm, and the other way round.
    """)
    return apart, projection, whole


@app.cell(hide_code=True)
def _(masses, trained):
    single, double = rounding_of(torch.float32), rounding_of(torch.float64)
    predicted = trained["structured"](counts(1))
    clipped = float((predicted.clamp(min=0.0) - predicted).sum(-1).max())
    exercises = {
        "**1.** “Kept to rounding”: in which arithmetic, and how does it grow with depth?": f"""
Each layer rounds. After {LAYERS} mass steps the drift is {single[LAYERS]:.1e} in float32 and {double[LAYERS]:.1e} in float64; after 400,
{single[-1]:.1e} and {double[-1]:.1e}. Half precision is refused.""",
        "**2.** “Just add the error of the sum to the loss.” Does that do?": f"""
Its square was added here. The largest error of the sum on the path is then {masses["penalised"].max():.2g}, against {masses["ordinary"].max():.2g}
without, and {masses["structured"].max():.1g} by structure. A penalty acts where the examples are, structure on every input.""",
        "**3.** Counts cannot be negative. May we clip the predictions at 0?": f"""
Of 200 new predictions {int((predicted < 0).any(-1).sum())} have a negative count. Clipping invents up to {clipped:.2g} people: what is added here must
be taken from others, for instance by projection onto $\\{{x \\ge 0, \\sum x_i = m\\}}$. Structures do not mix by themselves.""",
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

    - Put the structure into the layer, and every weight has it: the first, the last, and those in between.
    - Composition keeps it. Padding and sharing out keep the mass; dropping, clipping and averaging do not.
    - Each layer keeps what it was built for, and no more: ask `layer.structures`.

    `flowcert claim F1.mass_field` shows a proof, and so for `F1.mass_projection`, `F2.partitioned_steps`, `F3.coupled_layer`,
    `F4.norm_correction` and `A2.composition`.
    """),
        ]
    )
    return clipped, double, predicted, single


@app.class_definition
class Ordinary(nn.Module):
    """x + hK·tanh(Wx + b)."""

    def __init__(self, features: int, hidden: int, step: float) -> None:
        super().__init__()
        self.inner, self.outer = (
            kept.dense(features, hidden),
            kept.dense(hidden, features, bias=False),
        )
        self.step = step

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.step * self.outer(torch.tanh(self.inner(x)))


@app.function
def random_layers(make: Callable[[], nn.Module], size: float = 1.0, count: int = LAYERS) -> list:
    """Layers in float64 with all weights times ``size``, and random biases."""
    torch.manual_seed(1)
    layers = [make().double().requires_grad_(False) for _ in range(count)]
    for layer in layers:
        for name, parameter in layer.named_parameters():
            parameter.copy_(torch.randn_like(parameter) if "bias" in name else size * parameter)
    return layers


@app.function
def cloud(features: int = FEATURES) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(2).normal(size=(CLOUD, features)))


@app.function
def all_drifts(h: float, size: float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of each structure: the ordinary network's drift and that of the one made for it."""
    makers = {
        "mass": lambda: MassStep(FEATURES, HIDDEN, h),
        "norm": lambda: SphereStep(FEATURES, HIDDEN, h),
        "volume": lambda: VolumeStep(FEATURES // 2, FEATURES // 2, h),
        "$D^TJD$": lambda: VerletStep(FEATURES, HIDDEN, h),
    }
    ordinary = drifts_of(random_layers(lambda: Ordinary(FEATURES, HIDDEN, h), size))
    return {
        name: (ordinary[i], drifts_of(random_layers(make, size))[i])
        for i, (name, make) in enumerate(makers.items())
    }


@app.function
def drifts_of(layers: list) -> np.ndarray:
    """The largest change over the cloud up to each layer, a row for each of the four.

    Of mass and norm: relative to the size of the numbers; of volume: |log det|, added up; of DᵀJD:
    the largest defect of a layer so far, relative to |D|².
    """
    x = cloud()
    J = torch.from_numpy(canonical_structure(FEATURES // 2)).double()
    start, logarithm, defect, found = x, torch.zeros(CLOUD), torch.zeros(CLOUD), []
    for layer in layers:
        D = torch.func.vmap(torch.func.jacrev(lambda row, f=layer: f(row[None])[0]))(x)
        x = layer(x)
        size = x.abs().amax(-1).clamp(min=1.0)
        mass, norm = x.sum(-1) - start.sum(-1), x.norm(dim=-1) - start.norm(dim=-1)
        logarithm = logarithm + torch.linalg.slogdet(D).logabsdet
        moved = (D.mT @ J @ D - J).abs().amax((1, 2)) / D.square().sum((1, 2))
        defect = torch.maximum(defect, moved)
        changes = (mass / size, norm / size, logarithm, defect)
        found.append([float(change.abs().max()) for change in changes])
    return np.array(found).T


@app.function
def carry_disc(h: float, size: float) -> dict[str, tuple[np.ndarray, float]]:
    """The image of a disc's border, and by how much its area was multiplied."""
    turn = np.linspace(0, 2 * np.pi, 4001)[:-1]
    disc, found = torch.from_numpy(np.stack([np.cos(turn), np.sin(turn)], axis=-1)), {}
    makers = {"ordinary": lambda: Ordinary(2, HIDDEN, h), "structured": lambda: VolumeStep(1, 1, h)}
    for name, make in makers.items():
        x, v = nn.Sequential(*random_layers(make, size, BENT))(disc).numpy().T
        area = (x @ np.roll(v, -1) - v @ np.roll(x, -1)) / 2
        found[name] = (np.stack([x, v]), area / np.pi)
    return found


@app.function
def way_back(h: float, size: float) -> float:
    """The largest distance from the start after all volume steps and their inverses."""
    layers = random_layers(lambda: VolumeStep(1, 1, h), size, BENT)
    y = nn.Sequential(*layers)(cloud(2))
    for layer in reversed(layers):
        y = layer.inverse(y)
    return float((y - cloud(2)).abs().max())


@app.function
def interval(x: torch.Tensor) -> torch.Tensor:
    """The epidemic itself, one interval later."""
    return torch.from_numpy(flow_map(SIR.system, x.numpy(), (0.0, INTERVAL), RK4, 20))


@app.function
def counts(seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, LARGEST, (200, PEOPLE)))


@app.function
def train(structured: bool, penalty: float = 0.0) -> nn.Module:
    """A network that has learned one interval; ``penalty`` times the sum's squared error counts."""
    torch.manual_seed(0)
    width, layer = PEOPLE + EXTRA, MassStep if structured else Ordinary
    last = MassProjection(width, PEOPLE) if structured else kept.dense(width, PEOPLE, bias=False)
    steps = [layer(width, HIDDEN, 0.5) for _ in range(DEPTH)]
    network = nn.Sequential(nn.ZeroPad1d((0, EXTRA)), *steps, last).double()
    x = counts(0)
    y = interval(x)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, TRAINING)
    for _ in range(TRAINING):
        optimiser.zero_grad()
        error = network(x) - y
        (error.square().mean() + penalty * error.sum(-1).square().mean()).backward()
        optimiser.step()
        schedule.step()
    return network.requires_grad_(False).eval()


@app.function
def one_step_error(network: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """The root mean square error on counts that were not learned."""
    return float((network(counts(1)) - interval(counts(1))).square().mean().sqrt())


@app.function
def roll_out(network: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
    """The start and what follows when each prediction is the next input."""
    states = [torch.from_numpy(SIR.start)[None]]
    for _ in range(ROLL):
        states.append(network(states[-1]))
    return torch.cat(states).numpy()


@app.function
def part_on_the_sphere() -> tuple[float, float]:
    """How far two points of the unit sphere are apart before and after: the pair that parts most."""
    network = nn.Sequential(*random_layers(lambda: SphereStep(FEATURES, HIDDEN, 0.3)))
    x = nn.functional.normalize(cloud())
    near = nn.functional.normalize(x + 1e-3 * x.roll(1, 0))
    before, after = (x - near).norm(dim=-1), (network(x) - network(near)).norm(dim=-1)
    most = int((after / before).argmax())
    return float(before[most]), float(after[most])


@app.function
def rounding_of(kind: torch.dtype) -> np.ndarray:
    """The largest drift of the mass up to each of 400 mass steps, in this arithmetic."""
    layers = random_layers(lambda: MassStep(FEATURES, HIDDEN, 0.3), count=400)
    states = [cloud().to(kind)]
    for layer in layers:
        states.append(layer.to(kind)(states[-1]))
    masses = torch.stack(states).double().sum(-1)
    return np.maximum.accumulate((masses - masses[0]).abs().amax(1).numpy())


@app.function
def table(rows: Iterable[tuple]) -> str:
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


@app.function
def picture(description: str, draw: Callable, columns: int = 2) -> mo.Html:
    """Panels with their legends, sharp at any size."""
    with styling.styled():
        figure = matplotlib.figure.Figure(figsize=(8.4, 3.4 if columns == 2 else 2.6))
        panels = figure.subplots(1, columns)
        draw(*panels)
        panels[0].legend(frameon=True, framealpha=0.9, edgecolor="none")
        svg = styling.render(figure, "svg").decode()
    svg = svg[svg.index("<svg") :].replace("<svg ", '<svg style="width: 100%; height: auto" ', 1)
    return mo.Html(
        f'<div role="img" aria-label="{description}" style="background: white">{svg}</div>'
    )


if __name__ == "__main__":
    app.run()
