"""flowcert: checks the theory of ODE-based neural networks and builds networks that carry proofs.

The rooms are imported one by one, so that this import costs nothing:

- ``flowcert.numerics``: vector fields and reference solvers (numpy, scipy);
- ``flowcert.theory``: claims, their proofs, bounds and step regions;
- ``flowcert.networks``: PyTorch;
- ``flowcert.figures``: the paper's figures, generated and checked (matplotlib).
"""

from importlib.metadata import PackageNotFoundError, version

from .errors import (
    ConvergenceError,
    DataError,
    DomainError,
    FlowcertError,
    OutputError,
    ShapeError,
    StructureError,
    UnknownNameError,
)

__all__ = [
    "ConvergenceError",
    "DataError",
    "DomainError",
    "FlowcertError",
    "OutputError",
    "ShapeError",
    "StructureError",
    "UnknownNameError",
    "__version__",
]

try:
    __version__ = version("flowcert")
except PackageNotFoundError:  # imported from a bare checkout that was never installed
    __version__ = "0+uninstalled"
