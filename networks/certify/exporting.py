"""PyTorch's exporter, kept silent: one module in, one graph of ATen operations out, or an error."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout

import torch
from torch import nn
from torch.export import ExportedProgram

from ...errors import FlowcertError, ShapeError, StructureError
from ...theory.certificate.graph import Shape
from .folding import first_line
from .user_rules import UserRule, asserted


def kind(module: nn.Module) -> tuple[torch.dtype, torch.device]:
    """The numbers that a module computes with (those of its first weight), and where."""
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            return tensor.dtype, tensor.device
    return torch.get_default_dtype(), torch.device("cpu")


def exported(
    module: nn.Module, shape: Shape, rules: Mapping[type[nn.Module], UserRule], batch: int
) -> ExportedProgram:
    """Export a module on a batch, with operations in place replaced by pure ones.

    Raises StructureError for what cannot be traced, ShapeError where the module itself fails.
    """
    dtype, device = kind(module)
    x = torch.zeros((batch, *shape), dtype=dtype, device=device)
    try:
        with silence(), asserted(module, x, rules):
            program = torch.export.export(module, (x,), strict=False)
            # Operations in place are replaced by pure ones; that takes ten times as long.
            return program.run_decompositions({}) if _changes_in_place(program) else program
    except FlowcertError:
        raise
    except Exception as error:  # torch raises of everything; each becomes one named error
        raise _untraceable(module, x, error) from error


def _changes_in_place(program: ExportedProgram) -> bool:
    return any(
        getattr(getattr(node.target, "_schema", None), "is_mutable", False)
        for node in program.graph_module.graph.nodes
    )


def _untraceable(
    module: nn.Module, x: torch.Tensor, error: Exception
) -> StructureError | ShapeError:
    try:
        with silence(), torch.no_grad():
            module(x)
    except Exception as own:  # noqa: BLE001  # the user's module may raise anything
        name = type(module).__name__
        return ShapeError(
            came=f"a {name} that fails on a batch of shape {tuple(x.shape)}: {first_line(own)}",
            expected="a module that runs on inputs of the given shape",
            remedy="Check input_shape, which is without the batch axis.",
        )
    return StructureError(
        came=f"a {type(module).__name__} that cannot be traced: {first_line(error)}",
        expected="one graph of operations, whatever the numbers in the input",
        remedy="Remove branches on values, .item() and NumPy from forward, or use certify.rule.",
    )


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep to torch its warnings, its log messages, and the graphs that it prints on failure."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    nowhere = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(nowhere), redirect_stderr(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
