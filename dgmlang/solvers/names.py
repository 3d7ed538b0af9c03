"""The solvers and the ways to differentiate through them that the library names, from Diffrax.

Source: Kidger 2021, On neural differential equations, arXiv:2202.02435.
"""

from __future__ import annotations

import diffrax

from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.registry import implements

implements("solver", "Euler")(diffrax.Euler)
implements("solver", "Heun")(diffrax.Heun)
implements("solver", "Midpoint")(diffrax.Midpoint)
implements("solver", "Ralston")(diffrax.Ralston)
implements("solver", "Bosh3")(diffrax.Bosh3)
implements("solver", "Tsit5")(diffrax.Tsit5)
implements("solver", "Dopri5")(diffrax.Dopri5)
implements("solver", "Dopri8")(diffrax.Dopri8)

implements("adjoint", "checkpoint")(diffrax.RecursiveCheckpointAdjoint)
implements("adjoint", "direct")(diffrax.DirectAdjoint)

ORDINARY = (
    diffrax.AbstractERK, diffrax.AbstractESDIRK, diffrax.Euler, diffrax.ImplicitEuler,
    diffrax.ReversibleHeun,
)  # fmt: skip
"""Solvers of an ordinary equation."""

STOCHASTIC = (diffrax.AbstractItoSolver, diffrax.AbstractStratonovichSolver)
"""Solvers of a stochastic one; the noise is the same for all x, so that Itô's equation and
Stratonovich's are one."""


def solver_named(name: str, among: tuple[type, ...] = ORDINARY) -> diffrax.AbstractSolver:
    """A Diffrax solver by its name; DGM0803 for one that is unknown, or of other equations."""
    known = {n: s for n, s in vars(diffrax).items() if isinstance(s, type) and _solves(s, among)}
    if name not in known:
        raise DgmError(queries.unknown_choice("solver", name, sorted(known)))
    return known[name]()


def _solves(solver: type, among: tuple[type, ...]) -> bool:
    langevin = issubclass(solver, diffrax.AbstractFosterLangevinSRK)
    return issubclass(solver, among) and "Abstract" not in solver.__name__ and not langevin


def stages(solver: diffrax.AbstractSolver) -> int:
    """Evaluations a step, those of a Runge–Kutta's tableau; an implicit solver's are more."""
    tableau = getattr(solver, "tableau", None)
    if tableau is None:
        return 1
    # The first stage stands at the beginning of a step, and has no entry.
    return len(tableau.c) + 1 - bool(getattr(tableau, "fsal", False))
