"""The solvers and the ways to differentiate through them that the library names, from Diffrax.

Source: Kidger 2021, On neural differential equations, arXiv:2202.02435.
"""

from __future__ import annotations

import diffrax

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
