"""The published networks as modules, against a transcription in NumPy that shares nothing."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view

from flowcert.errors import DataError, UnknownNameError
from flowcert.networks import published_logits
from flowcert.networks.published_logits import (
    check_published_logits,
    fixed_inputs,
    fixed_logits,
    read_published_logits,
    write_published_logits,
)
from flowcert.networks.published_networks import (
    find_published,
    published_module,
    published_normalisation,
)

State = dict[str, torch.Tensor]
NETWORKS = ("non-expansive", "switching-prescribed", "switching-flexible")
KINDS = ("weight", "bias")
STORED = {entry.network: entry for entry in read_published_logits()}


def random_state(network: str, classes: int = 10, seed: int = 0) -> State:
    """Published keys and shapes, random values; steps of both signs, rescalings beyond [0, 1]."""
    torch.manual_seed(seed)
    state: State = {}
    inputs = 3
    for block, channels in enumerate((32, 64, 128)):
        at = f"seq.{block}."
        state[at + "u"] = torch.randn(4)
        state[at + "rescalings"] = torch.tensor([1.3, -0.2, 2.5])
        if block == 1:
            state[at + "rescalings"] = torch.tensor([0.4, 0.8, -1.5])
        if network == "switching-flexible":
            state[at + "rescalings"] = torch.tensor([1.5 - block])
        state[at + "conv1.0.weight"] = torch.randn(channels, inputs, 3, 3) / (9 * inputs) ** 0.5
        for i in range(4):
            scale = (9 * channels) ** -0.5
            state[at + f"convs.{i}.weight"] = torch.randn(channels, channels, 3, 3) * scale
            state[at + f"convs.{i}.bias"] = torch.randn(channels)
        inputs = channels
    state["FC.1.weight"] = torch.randn(classes, 2048) / 45
    state["FC.1.bias"] = torch.randn(classes)
    return state


def saved(folder: Path, state: State) -> Path:
    torch.save(state, folder / "network.pt")
    return folder / "network.pt"


# The transcription: float64 NumPy, windows and matrix products, the adjoint as a flipped kernel.


def convolve(kernel: np.ndarray, x: np.ndarray) -> np.ndarray:
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    windows = sliding_window_view(padded, (3, 3), axis=(1, 2))  # (in, H, W, 3, 3)
    columns = windows.transpose(1, 2, 0, 3, 4).reshape(x.shape[1] * x.shape[2], -1)
    product = columns @ kernel.reshape(len(kernel), -1).T
    return product.T.reshape(len(kernel), *x.shape[1:])


def adjoint(kernel: np.ndarray, y: np.ndarray) -> np.ndarray:
    return convolve(kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1], y)


def leaky(s: np.ndarray, slope: float) -> np.ndarray:
    return np.where(s > 0, s, slope * s)


def steps(network: str, w: dict[str, np.ndarray], at: str, x: np.ndarray) -> np.ndarray:
    u, rescalings = np.abs(w[at + "u"]), w[at + "rescalings"]

    def affine(i: int, x: np.ndarray) -> np.ndarray:
        return convolve(w[f"{at}convs.{i}.weight"], x) + w[f"{at}convs.{i}.bias"][:, None, None]

    def gradient(i: int, x: np.ndarray, slope: float) -> np.ndarray:
        return adjoint(w[f"{at}convs.{i}.weight"], leaky(affine(i, x), slope))

    if network == "non-expansive":
        for i in range(4):
            x = x - u[i] * gradient(i, x, 0.0)
        return x
    for i in (0, 2):
        if network == "switching-flexible":
            x = x - u[i] / 2 * gradient(i, x, 0.5)
            x = x - u[i] / 2 * gradient(i, x, 0.5)
            x = x + u[i + 1] * gradient(i, x, 0.0)
            continue
        expansive = u[i] / 2 * min(max(rescalings[i // 2], 0.0), 1.0)
        for _ in range(2):
            x = x + expansive * leaky(affine(i, x), 0.5)
            x = x - u[i + 1] / 2 * gradient(i + 1, x, 0.5)
    return x


def transcribed(network: str, state: State, x: np.ndarray) -> np.ndarray:
    w = {name: tensor.double().numpy() for name, tensor in state.items()}
    for block in range(3):
        at = f"seq.{block}."
        x = np.maximum(w[at + "rescalings"][-1] * convolve(w[at + "conv1.0.weight"], x), 0.0)
        x = steps(network, w, at, x)
        c, n, _ = x.shape
        x = x.reshape(c, n // 2, 2, n // 2, 2).max(axis=(2, 4))
    return w["FC.1.weight"] @ x.ravel() + w["FC.1.bias"]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("classes", [10, 100])
def test_the_module_is_the_transcription(network: Any, classes: int, tmp_path: Path) -> None:
    state = random_state(network, classes, seed=classes)
    module = published_module(saved(tmp_path, state), network)
    assert not module.training
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
    x = np.random.default_rng(classes).normal(size=(2, 3, 32, 32)).astype(np.float32)
    expected = np.array([transcribed(network, state, image.astype(float)) for image in x])
    size = np.abs(expected).max()
    single = module(torch.from_numpy(x)).numpy()
    assert single.shape == (2, classes)
    assert np.abs(single - expected).max() <= 1e-5 * size
    double = module.double()(torch.from_numpy(x).double()).numpy()
    # The three-term products of the prescribed step are rounded in another order.
    assert np.abs(double - expected).max() <= 1e-10 * size


@pytest.mark.parametrize("network", NETWORKS)
def test_every_tensor_in_use_counts(network: Any, tmp_path: Path) -> None:
    """Changing any tensor changes the logits, but for those known to take part in nothing."""
    state = random_state(network)
    if network != "switching-flexible":  # inside the clipping, which would hide what it clips
        state |= {f"seq.{b}.rescalings": torch.tensor([0.3, 0.6, 1.5]) for b in range(3)}
    path = saved(tmp_path, state)
    x = torch.from_numpy(fixed_inputs()[:1])
    idle = set()
    module = published_module(path, network).double()
    before = module(x)
    for name, parameter in module.named_parameters():
        kept = parameter.clone()
        parameter.copy_(kept + 0.01)
        if torch.equal(module(x), before):
            idle.add(name)
        parameter.copy_(kept)
    expected = set()
    if network == "switching-flexible":
        expected = {f"seq.{b}.convs.{i}.{kind}" for b in range(3) for i in (1, 3) for kind in KINDS}
    assert idle == expected


def test_the_state_dict_goes_in_and_out_unchanged(tmp_path: Path) -> None:
    state = random_state("switching-flexible")
    kept = published_module(saved(tmp_path, state)).state_dict()
    assert set(kept) == set(state)
    assert all(torch.equal(kept[name], state[name]) for name in state)


def test_a_regime_that_does_not_exist_or_fit_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, random_state("non-expansive"))
    with pytest.raises(DataError, match="recognised"):
        published_module(path, "switching-flexible")
    with pytest.raises(DataError, match="recognised"):
        published_module(path, "unconstrained")  # type: ignore[arg-type]


def test_normalisation_is_that_of_the_training() -> None:
    known = published_normalisation()
    assert known.means == (0.4914, 0.4822, 0.4465)
    assert known.deviations == (0.2023, 0.1994, 0.2010)


# Where the files lie.


def test_files_are_found_through_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWCERT_DATA", str(tmp_path))
    name = "cifar10_non-expansive_margin0.15.pt"
    with pytest.raises(DataError, match="expected a folder with cifar10_non-expansive"):
        find_published("non-expansive")
    (tmp_path / "checkpoints").mkdir()
    nested = tmp_path / "checkpoints" / name
    nested.write_bytes(b"")
    assert find_published("non-expansive") == nested
    (tmp_path / name).write_bytes(b"")
    assert find_published("non-expansive") == tmp_path / name


def test_without_the_environment_it_is_said_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FLOWCERT_DATA", raising=False)
    with pytest.raises(DataError, match=r"FLOWCERT_DATA.*public repository of arXiv:2210.02373"):
        find_published("switching-flexible")
    with pytest.raises(UnknownNameError, match="switching-prescribed"):
        find_published("unconstrained")  # type: ignore[arg-type]


# The stored logits.


def test_the_fixed_inputs_are_the_formula() -> None:
    x = fixed_inputs()
    assert x.shape == (8, 3, 32, 32)
    for k, c, i, j in [(0, 0, 0, 0), (7, 2, 31, 31), (3, 1, 10, 20), (5, 2, 0, 31)]:
        v = (3 * k + 5 * c + (k + 1) * i * i + (2 * c + 3) * i * j + 7 * j) % 256
        assert x[k, c, i, j] == (v - 128) / 64
    assert np.array_equal(x, x.astype(np.float16))
    assert len(np.unique(x.reshape(8, -1), axis=0)) == 8


def test_stored_logits_are_complete() -> None:
    assert tuple(STORED) == NETWORKS
    for entry in STORED.values():
        assert np.array(entry.logits).shape == (8, 10)
        assert np.isfinite(entry.logits).all()
        assert len(entry.sha256) == 64
        assert entry.file == f"cifar10_{entry.network}_margin0.15.pt"


@pytest.mark.parametrize("network", NETWORKS)
def test_the_real_file_gives_the_stored_logits(network: Any) -> None:
    if not os.environ.get("FLOWCERT_DATA"):
        pytest.skip("FLOWCERT_DATA does not name the folder of the published networks")
    path = find_published(network)
    assert check_published_logits(path) <= 1e-9
    # The NumPy transcription gives them too: the stored numbers are not the module's alone.
    state = torch.load(path, weights_only=True, map_location="cpu")
    for k in (0, 5):
        logits = transcribed(network, state, fixed_inputs()[k])
        assert np.abs(logits - np.array(STORED[network].logits[k])).max() <= 1e-9


def test_logits_are_written_as_they_are_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, random_state("non-expansive"))
    with pytest.raises(DataError, match="SHA-256"):
        check_published_logits(path)
    target = tmp_path / "logits.json"
    assert published_logits.main([str(path), "--out", str(target)]) == 0

    [entry] = json.loads(target.read_text(encoding="utf-8"))["networks"]
    found = fixed_logits(published_module(path))
    assert np.array_equal(np.array(entry["logits"]), found)
    known = published_logits.PublishedLogits("non-expansive", "a.pt", entry["sha256"], ())
    moved = tuple(tuple(row) for row in (found + 0.25).tolist())
    replaced = type(known)(known.network, known.file, known.sha256, moved)
    monkeypatch.setattr(published_logits, "read_published_logits", lambda: (replaced,))
    assert check_published_logits(path) == pytest.approx(0.25)


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.pt"):
        write_published_logits([tmp_path / "absent.pt"], tmp_path / "logits.json")
    assert published_logits.main([str(tmp_path / "absent.pt"), "--out", "x.json"]) == 2
