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
    from flowcert.numerics import RK4, canonical_structure, flow_map
    from flowcert.numerics.problems import SIR

    ORDINARY, STRUCTURED, TRUTH = "#D55E00", "#0072B2", "#222222"  # safe for colour-blind eyes
    LAYERS, FEATURES, HIDDEN, CLOUD, BENT = 50, 4, 16, 64, 10  # of parts 1 and 2
    KEPT, EXTRA, DEPTH, TRAINING, ROLL = 3, 3, 3, 400, 60  # of part 3
    INTERVAL, LARGEST = 0.5, (2.5, 1.5, 1.5)  # between two counts; the largest counts


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
    | form $D^TJD$ | `VerletStep`: kick, drift, kick | three shears by gradients: $D^TJD = J$ |

    $D$ is the Jacobian of the layer. The matrices $M(x)$ and $S(x) = \Lambda(x) - \Lambda(x)^T$ come out of small networks, with any
    weights. Here are {LAYERS} layers on {FEATURES} features with random weights, beside {LAYERS} ordinary ones of the same width with
    {HIDDEN} hidden units, and a cloud of {CLOUD} points.

    {step_slider} {weight_slider}
    """)
    return step_slider, weight_slider


@app.cell(hide_code=True)
def _(step_slider, weight_slider):
    drifts = all_drifts(step_slider.value, weight_slider.value)
    _names = list(drifts)[1:]

    def _draw(*panels):
        for i, (axes, name) in enumerate(zip(panels, _names, strict=True)):
            for network, colour in (("ordinary", ORDINARY), (name, STRUCTURED)):
                axes.semilogy(np.maximum(drifts[network][i], 1e-17), color=colour)
            axes.set(xlabel="layer", ylabel="drift" if i == 0 else "", ylim=(1e-17, 1e4))
            styling.name_panel(axes, "abcd"[i], name)

    _kept = all(drifts[name][i].max() < 1e-11 for i, name in enumerate(_names))
    _words = f"""### {"✓ Kept to rounding, whatever the weights" if _kept else "✗ Something moved"}

| drift after {LAYERS} layers of | {" | ".join(_names)} |
|:--|--:|--:|--:|--:|
{table((f"layers for {name}" if name in _names else name, *(f"{d[-1]:.1g}" for d in found)) for name, found in drifts.items())}

Each keeps its own, and no more. But for one: who keeps the form keeps the volume, since $(\\det D)^2 = 1$."""
    _box = mo.callout(mo.md(_words), kind="success" if _kept else "danger")
    mo.vstack([_box, picture("Drifts of four quantities through the layers.", _draw, 4)])
    return (drifts,)


@app.cell(hide_code=True)
def _(step_slider, weight_slider):
    discs, returned = carry_disc(step_slider.value, weight_slider.value)

    def _draw(*panels):
        turn = np.linspace(0, 2 * np.pi, 200)
        looks = (("ordinary", ORDINARY), ("structured", STRUCTURED))
        for axes, letter, (name, colour) in zip(panels, "ab", looks, strict=True):
            axes.fill(np.cos(turn), np.sin(turn), color="#BBBBBB", label="the disc")
            axes.fill(*discs[name][0], color=colour, alpha=0.6, label="its image")
            axes.set(xlabel="$x$", ylabel="$v$", aspect="equal")
            axes.legend(fontsize=7)
            styling.name_panel(axes, letter, f"{name}: area × {discs[name][1]:.3f}")

    _words = f"""## 2. What volume means

A disc goes through {BENT} random layers. Those that keep volume may bend and stretch it, but not inflate it: its area is multiplied
by **{discs["structured"][1]:.4f}**, by the ordinary ones by **{discs["ordinary"][1]:.4f}** (below 0: they fold it over, left and right
change places, and each fold counts with its sign). They can also be undone without solving anything:
the way back misses the start by {returned:.1e}."""
    _next = rf"""
    ## 3. Training cannot unlearn it

    The epidemic $\dot x = -xy$, $\dot y = xy - y$, $\dot z = y$ is counted every {INTERVAL} units of time. Both networks learn one
    interval from 200 examples; then each is fed its own predictions, {ROLL} times. The structured one pads with {EXTRA} zeros, takes
    {DEPTH} mass steps, and ends with `MassProjection`, $(x, z) \mapsto x + \mathbf 1(\mathbf 1^Tz)/k$: what is dropped is shared out. In
    fact $(M - M^T)\mathbf 1 = K\tanh(Wx + b)$ where the columns of $K$ sum to zero: these *are* ordinary layers, with one condition
    on their weights.
    """
    mo.vstack([mo.md(_words), picture("A disc and its images.", _draw), mo.md(_next)])
    return discs, returned


@app.cell(hide_code=True)
def _():
    trained = {"ordinary": train(False), "structured": train(True), "penalised": train(False, 1.0)}
    return (trained,)


@app.cell(hide_code=True)
def _(trained):
    truth = roll_out(interval)
    rolled = {name: roll_out(network) for name, network in trained.items()}
    missed = {name: network(counts(1)) - interval(counts(1)) for name, network in trained.items()}
    errors = {name: float(error.square().mean().sqrt()) for name, error in missed.items()}
    masses = {name: np.abs(states.sum(-1) - truth[0].sum()) for name, states in rolled.items()}

    def _draw(people, drift):
        t = INTERVAL * np.arange(ROLL + 1)
        people.plot(t, truth, ":", color=TRUTH, label=["truth", None, None])
        for name, colour, look in (("ordinary", ORDINARY, "--"), ("structured", STRUCTURED, "-")):
            people.plot(t, rolled[name], look, color=colour, label=[name, None, None])
            drift.semilogy(t, np.maximum(masses[name], 1e-17), look, color=colour)
        people.legend()
        people.set(xlabel="time", ylabel="susceptible, infected, recovered")
        drift.set(xlabel="time", ylim=(1e-17, 1e2))
        styling.name_panel(people, "a", "the three counts over time")
        styling.name_panel(drift, "b", "error of their sum")

    _words = f"""### ✗ The ordinary network invents people, and loses them

| | error of one interval | largest error of the sum |
|:--|--:|--:|
{table((name, f"{errors[name]:.3f}", f"{masses[name].max():.2g}") for name in ("ordinary", "structured"))}

The ordinary one knows the sum from examples only, and on its own path nothing holds it. The structured one had the sum before it
had learned anything."""
    _box = mo.callout(mo.md(_words), kind="danger")
    mo.vstack([_box, picture("Predictions, and their sum.", _draw)])
    return errors, masses, missed, rolled, truth


@app.cell(hide_code=True)
def _(trained):
    whole = certify(trained["structured"], (KEPT,), effort="quick")
    projection = certify(kept.MassProjection(KEPT + EXTRA, KEPT).eval(), (KEPT + EXTRA,))
    mo.md(f"""
    ## 4. What is not promised

    - **Accuracy.** Look at the picture: the sum is right, the parts need not be.
    - **That points stay together.** The structured network of part 3 has a Lipschitz constant in [{whole.lower:.4g}, {whole.upper:.4g}]. Its
      projection alone has $\\sqrt{{1 + d/k}}$ = {np.sqrt(1 + EXTRA / KEPT):.6f}, certified {projection.upper:.6f}. And `certify` refuses a sphere step:
      *{kept.SphereStep.refused}*.
    """)
    return projection, whole


@app.cell(hide_code=True)
def _(errors, masses):
    mass_average = average(lambda: kept.MassStep(FEATURES, HIDDEN, 0.3))[0]
    norm_average = average(lambda: kept.SphereStep(FEATURES, HIDDEN, 0.3))[1]
    _exercises = {
        "“Just add the error of the sum to the loss.” Does that do?": f"""
The square of it was added here. On the path the sum is then wrong by up to {masses["penalised"].max():.2g}, against {masses["ordinary"].max():.2g} without
and {masses["structured"].max():.1g} by structure; the error of one interval is {errors["penalised"]:.3f}. A penalty acts where the examples are, and
competes with them. Structure acts on every input.""",
        "To be safe we average the predictions of two structured networks. Which promises survive?": f"""
The mass is linear: the average moves it by {mass_average:.1g}. The norm is not, and neither are volume and form: averaging two networks of
sphere steps moves $\\lvert x\\rvert$ by up to {norm_average:.2g}, always towards 0. Compositions are safe, averages are not.""",
    }
    mo.vstack(
        [
            mo.md("## Exercises\n\nTry first, then unfold."),
            mo.accordion({question: mo.md(answer) for question, answer in _exercises.items()}),
            mo.md("""
    ## To remember

    - Put the structure into the layer, and every weight has it: the first, the last, and those in between.
    - Composition keeps it. Zero padding, and a projection that shares out, keep the mass; dropping and clipping do not.
    - Each layer keeps what it was built for, and no more: ask `layer.structures`.

    `flowcert claim F1.mass_field` shows a proof, and so for `F1.mass_projection`, `F2.partitioned_steps`, `F3.coupled_layer`,
    `F4.norm_correction` and `A2.composition`.
    """),
        ]
    )
    return mass_average, norm_average


@app.class_definition
class Ordinary(nn.Module):
    """x + hK·tanh(Wx + b)."""

    def __init__(self, features: int, hidden: int, step: float) -> None:
        super().__init__()
        self.inner, self.step = kept.dense(features, hidden), step
        self.outer = kept.dense(hidden, features, bias=False)

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
def cloud() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(2).normal(size=(CLOUD, FEATURES)))


@app.function
def all_drifts(h: float, size: float) -> dict[str, np.ndarray]:
    """The drifts in the ordinary network and in those made for one thing each, in that order."""
    makers = {
        "ordinary": lambda: Ordinary(FEATURES, HIDDEN, h),
        "mass": lambda: kept.MassStep(FEATURES, HIDDEN, h),
        "norm": lambda: kept.SphereStep(FEATURES, HIDDEN, h),
        "volume": lambda: kept.VolumeStep(FEATURES // 2, FEATURES // 2, h),
        "form": lambda: kept.VerletStep(FEATURES, HIDDEN, h),
    }
    return {name: drifts_of(random_layers(make, size)) for name, make in makers.items()}


@app.function
def drifts_of(layers: list) -> np.ndarray:
    """The largest change over the cloud up to each layer, a row for each of the four.

    Of mass and norm: relative to the size of the numbers; of volume: |log det|, added up; of the
    form: the largest entry of |DᵀJD − J|/|D|² of a layer so far.
    """
    x = cloud()
    J = torch.from_numpy(canonical_structure(FEATURES // 2)).double()
    start, logarithm, defect, found = x, torch.zeros(CLOUD), torch.zeros(CLOUD), []
    for layer in layers:
        D = torch.func.vmap(torch.func.jacrev(lambda row, f=layer: f(row[None])[0]))(x)
        x = layer(x)
        size = x.abs().amax(-1).clamp(min=1.0)
        mass, norm = (x - start).sum(-1), x.norm(dim=-1) - start.norm(dim=-1)
        logarithm = logarithm + torch.linalg.slogdet(D).logabsdet
        moved = (D.mT @ J @ D - J).abs().amax((1, 2)) / D.square().sum((1, 2))
        defect = torch.maximum(defect, moved)
        changes = (mass / size, norm / size, logarithm, defect)
        found.append([float(change.abs().max()) for change in changes])
    return np.array(found).T


@app.function
def carry_disc(h: float, size: float) -> tuple[dict[str, tuple[np.ndarray, float]], float]:
    """A disc's images and by how much its area was multiplied; the error of the way back."""
    turn = np.linspace(0, 2 * np.pi, 4001)[:-1]
    disc, images = torch.from_numpy(np.stack([np.cos(turn), np.sin(turn)], axis=-1)), {}
    makers = {
        "ordinary": lambda: Ordinary(2, HIDDEN, h),
        "structured": lambda: kept.VolumeStep(1, 1, h),
    }
    for name, make in makers.items():
        layers = random_layers(make, size, BENT)
        end = nn.Sequential(*layers)(disc)
        x, v = end.numpy().T
        images[name] = (end.numpy().T, (x @ np.roll(v, -1) - v @ np.roll(x, -1)) / 2 / np.pi)
    for layer in reversed(layers):
        end = layer.inverse(end)
    return images, float((end - disc).abs().max())


@app.function
def interval(x: torch.Tensor) -> torch.Tensor:
    """The epidemic itself, one interval later."""
    return torch.from_numpy(flow_map(SIR.system, x.numpy(), (0.0, INTERVAL), RK4, 20))


@app.function
def counts(seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, LARGEST, (200, KEPT)))


@app.function
def train(structured: bool, penalty: float = 0.0) -> nn.Module:
    """A network that has learned one interval; ``penalty`` times the sum's squared error counts."""
    torch.manual_seed(0)
    width, layer = KEPT + EXTRA, kept.MassStep if structured else Ordinary
    last = kept.MassProjection(width, KEPT) if structured else kept.dense(width, KEPT, bias=False)
    steps = [layer(width, HIDDEN, 0.5) for _ in range(DEPTH)]
    network = nn.Sequential(nn.ZeroPad1d((0, EXTRA)), *steps, last).double()
    optimiser, target = torch.optim.Adam(network.parameters(), lr=0.02), interval(counts(0))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, TRAINING)
    for _ in range(TRAINING):
        optimiser.zero_grad()
        error = network(counts(0)) - target
        (error.square().mean() + penalty * error.sum(-1).square().mean()).backward()
        optimiser.step()
        schedule.step()
    return network.requires_grad_(False).eval()


@app.function
def roll_out(network: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
    """The start and what follows when each prediction is the next input."""
    states = [torch.from_numpy(SIR.start)[None]]
    for _ in range(ROLL):
        states.append(network(states[-1]))
    return torch.cat(states).numpy()


@app.function
def average(make: Callable[[], nn.Module]) -> tuple[float, float]:
    """How far mass and norm move in the average of two networks."""
    layers, x = random_layers(make), cloud()
    y = (nn.Sequential(*layers[::2])(x) + nn.Sequential(*layers[1::2])(x)) / 2
    changes = (y - x).sum(-1), y.norm(dim=-1) - x.norm(dim=-1)
    return tuple(float(change.abs().max()) for change in changes)


@app.function
def table(rows: Iterable[tuple]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


@app.function
def picture(description: str, draw: Callable, columns: int = 2) -> mo.Html:
    """Panels with their legends, sharp at any size."""
    with styling.styled():
        figure = matplotlib.figure.Figure(figsize=(8.4, 3.4 if columns == 2 else 2.6))
        draw(*figure.subplots(1, columns))
        svg = styling.render(figure, "svg").decode()
    svg = svg[svg.index("<svg") :].replace("<svg ", '<svg style="width: 100%; height: auto" ', 1)
    look = 'role="img" style="background: white"'
    return mo.Html(f'<div {look} aria-label="{description}">{svg}</div>')


if __name__ == "__main__":
    app.run()
