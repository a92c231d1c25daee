"""Certified accuracy: for which fraction of labelled images can no small change alter the class."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ...errors import DataError, DomainError
from ...numerics.validation import FloatArray, finite_array
from ...theory.certificate import Certificate, Derivation, derive
from ...theory.certificate.evaluation import input_batch, pieces
from ...theory.certificate.radius import CertifiedPoints, PointCertifier, class_labels
from ...theory.certificate.rules import WHOLE_LINE
from .comparison import check_finite, check_translation
from .function import double_if_possible, in_double_if_possible
from .pixels import Numbers, Pixels
from .tracing import Traced, trace

_PATIENCE = 3.0  # seconds without a bar


@dataclass(frozen=True)
class CertifiedAccuracy:
    """The fraction ``certified[i]`` of images that no change of norm ≤ ``radii[i]`` misclassifies.

    ``clean`` is the fraction whose class is right, certain or not; ``radius`` (images,) the radius
    of each image, 0 for those misclassified; ``execution`` the arithmetic for which it holds.
    """

    radii: tuple[float, ...]
    certified: tuple[float, ...]
    clean: float
    radius: FloatArray
    classes: NDArray[np.int64]
    execution: str

    def __str__(self) -> str:
        rows = [
            f"radius {radius:<10.6g} {100 * fraction:6.2f} %"
            for radius, fraction in zip(self.radii, self.certified, strict=True)
        ]
        head = f"{len(self.radius)} images, executed in {self.execution}"
        return "\n".join([head, f"clean             {100 * self.clean:6.2f} %", *rows])


def certified_accuracy(
    network: nn.Module | Traced | Derivation | Certificate,
    images: ArrayLike | Tensor,
    labels: ArrayLike | Tensor,
    radii: Sequence[float],
    *,
    pixel_scale: Numbers | None = None,
    pixel_shift: Numbers | None = None,
    execution: str = "float64",
) -> CertifiedAccuracy:
    """Return clean and certified accuracy of a classifier at each of the ``radii``.

    An image counts at radius ε if its class is right and provably stays so for every change of
    Euclidean norm ≤ ε, in the arithmetic named (exact, float64, float32: see
    ``theory.certificate.radius``; for float64 a module is taken as its float64 copy, which rounds
    less of what it computes from its weights); ε = 0 counts those whose class is certain.
    ``images`` are (count, *input_shape), NumPy or torch, in the units in which radii are measured;
    a module is taken as module((x − pixel_shift)/pixel_scale), scale and shift rounded to float32
    if that is the execution. Bounds registered with ``certify.rule`` do not count here: the values
    of such a layer are not known. Long work shows a bar. Raises ShapeError, DomainError (NaN; a
    negative radius; images outside a certificate's domain; an operation whose rounding is not known
    in this arithmetic), DataError (labels), and what ``certify`` raises.
    Source: paper, E2 [P]; pairwise radii and rounding, flowcert [D].

    >>> net = nn.Linear(2, 2, bias=False).double().eval()
    >>> _ = net.weight.data.copy_(torch.eye(2))
    >>> result = certified_accuracy(net, [[1.0, 0.0], [0.0, 3.0]], [0, 1], [0.5, 2.0])
    >>> result.clean, result.certified
    (1.0, (1.0, 0.5))
    """
    wanted = finite_array("radii", radii)
    if wanted.ndim != 1 or np.any(wanted < 0.0):
        raise DomainError(
            came=f"radii = {radii}",
            expected="a list of numbers, none of them negative",
            remedy="Radii are Euclidean norms in the units of the images.",
        )
    scale = None
    if pixel_scale is not None or pixel_shift is not None:
        scale = _pixels(pixel_scale, pixel_shift, execution)
    x, y = _as_array(images), _as_array(labels)
    if isinstance(network, nn.Module) and execution == "float64":
        # What a module computes of its weights is rounded in their type: the radii are those of
        # the network that runs in float64.
        network = double_if_possible(network, x.shape[1:])
    derivation = _derivation(network, x.shape[1:], scale)
    certifier = PointCertifier(derivation, execution)
    batch = input_batch(derivation, x, "images")
    truth = class_labels(derivation, y, len(batch))
    if not len(batch):
        raise DataError(came="no images", expected="at least one", remedy="Check the data set.")
    parts: list[CertifiedPoints] = []
    for piece in _watched(list(pieces(derivation, batch))):
        parts.append(certifier.certify(piece))
    classes = np.concatenate([part.classes for part in parts])
    radius = np.where(classes == truth, np.concatenate([part.radius for part in parts]), 0.0)
    return CertifiedAccuracy(
        tuple(map(float, wanted)),
        tuple(float(np.mean((radius > 0.0) & (radius >= r))) for r in wanted),
        float(np.mean(classes == truth)),
        radius,
        classes,
        execution,
    )


def _derivation(
    network: nn.Module | Traced | Derivation | Certificate,
    shape: tuple[int, ...],
    pixels: Pixels | None,
) -> Derivation:
    if isinstance(network, nn.Module):
        traced = trace(network, shape, pixels=pixels)
        derivation = derive(traced.graph, traced.weights)
        check_finite(derivation)
        check_translation(in_double_if_possible(network, shape, pixels), derivation)
        return derivation
    if pixels is not None:
        raise DataError(
            came="a pixel scale beside a network that is traced already",
            expected="a pixel scale with a module",
            remedy="Trace or certify it with its pixel scale.",
        )
    if isinstance(network, Derivation):
        return network
    if isinstance(network, Traced):
        return derive(network.graph, network.weights)
    if network.weights is None:
        raise DataError(
            came="a certificate without its weights",
            expected="one that was made in this session, or loaded with its folder",
            remedy="Pass the module.",
        )
    return derive(
        network.graph,
        network.weights,
        domain=network.domain or WHOLE_LINE,
        multipliers=network.multipliers,
    )


def _pixels(scale: Numbers | None, shift: Numbers | None, execution: str) -> Pixels:
    given = [1.0 if scale is None else scale, 0.0 if shift is None else shift]
    arrays = [finite_array("pixel_scale or pixel_shift", numbers) for numbers in given]
    if execution == "float32":
        arrays = [array.astype(np.float32).astype(np.float64) for array in arrays]
    return Pixels(*(array.tolist() for array in arrays))


def _as_array(values: ArrayLike | Tensor) -> NDArray[np.generic]:
    """Numbers as NumPy has them; torch's half precisions become float64, exactly."""
    if not isinstance(values, Tensor):
        return np.asarray(values)
    tensor = values.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.to(torch.float64)
    return np.asarray(tensor.numpy())


def _watched(work: list[FloatArray]) -> Iterator[FloatArray]:
    """The pieces of a batch, under a bar once they take long."""
    due = time.monotonic() + _PATIENCE
    done = 0
    while done < len(work) and time.monotonic() < due:
        yield work[done]
        done += 1
    if done == len(work):
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    rest, shown = work[done:], console.is_terminal
    yield from track(rest, "certified accuracy", console=console, transient=shown)
