"""The way in for scipy's users: any method of ours as a solver of ``solve_ivp``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from .methods.method import Method, require_method

if TYPE_CHECKING:
    from scipy.integrate import OdeSolver


def as_scipy(method: Method) -> type[OdeSolver]:
    """Return the method as a class for ``scipy.integrate.solve_ivp(…, method=as_scipy(…), h=…)``.

    Options: ``h`` > 0, the step (its sign follows the span; the last step is cut to end exactly
    at the bound); or, for pairs with embedded weights and without ``h``, ``rtol``, ``atol``,
    ``max_step``, ``first_step`` as in scipy; ``jac``, a matrix or a function of (t, y), for
    implicit methods. The right-hand side is a function of (t, y) on shape (n,) as always in
    scipy, or a System or VectorField with the structure that the method needs.

    Dense output, ``t_eval`` and event location step anew from the start of their step, with the
    length that leads to t: of the method's order everywhere, exact at both ends, and with all that
    the method keeps kept in between; each time costs one step. ``nfev`` and ``njev`` count each
    state at which the field, one of its parts or the Jacobian was asked for, these included;
    ``nlu`` counts one Newton matrix for each call of the Jacobian, which is what one implicit stage
    needs. On systems that switch in time, fixed steps are refused: see ``SwitchingSystem``.

    Raises DomainError, ShapeError, StructureError as soon as the solver starts; in fixed steps
    ConvergenceError or DomainError from a step that fails (adaptive ones try a shorter step, and
    fail with scipy's message when it gets too short). Source: flowcert [D].

    >>> from scipy.integrate import solve_ivp
    >>> from flowcert.numerics import RK4
    >>> run = solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0], method=as_scipy(RK4), h=0.1)
    >>> len(run.t), run.y[0, -1].round(5).item()
    (11, 0.36788)
    """
    return _solver_class(require_method(method, "as_scipy"))


@cache
def _solver_class(method: Method) -> type[OdeSolver]:
    # scipy.integrate takes longer to import than all of numerics: only who asks for it pays.
    from .scipy_solver import MethodSolver

    class Solver(MethodSolver):
        """The solver of one method."""

    Solver.method = method
    Solver.__name__ = Solver.__qualname__ = f"as_scipy({method.name})"
    return Solver
