"""Latents that a linear-Gaussian model integrates out in closed form.

Where a latent's law is Gaussian and every law that reads it is Gaussian with a location affine in
it and a scale that does not read it, the log joint density is quadratic in it. Its prior makes the
curvature positive definite, so the integral exists. A law by an energy that is a positive-definite
quadratic is such a prior.
Source: Tipping & Bishop 1999, section 3.2; Roweis & Ghahramani 1999.
"""

from __future__ import annotations

from collections.abc import Set

from dgmlang.compiler.derive.definite import gaussian_energy
from dgmlang.compiler.derive.degree import degree
from dgmlang.compiler.derive.facts import Removal, Witness
from dgmlang.compiler.program import Chosen, EnergyLaw, Law, Named, Program, Variable
from dgmlang.compiler.walk import arguments, reads

RULE = "closed form"


def closed_form(latent: Variable, beside: Set[str], program: Program) -> Removal | None:
    """The removal of a latent together with those `beside` it, all affine in one another."""
    group = {latent.name, *beside}
    sites = program.having("data", "latent", "state")
    laws = {v.name: v.law for v in sites if v.law is not None}
    readers = [n for n, law in laws.items() if n in group or group & set(reads(*arguments(law)))]
    energetic = [n for n in readers if isinstance(laws[n], EnergyLaw)]
    drawn = [n for n in readers if n not in energetic]
    if not all(affine_gaussian(laws[n], group, program) for n in drawn):
        return None
    if group & set(reads(*program.energies)) and gaussian_energy(program) is None:
        return None
    what = ", ".join(n for n in drawn if n not in group)
    text = f"{latent.name} is Gaussian, and so is {what}, its location affine in {latent.name}"
    if not what and latent.name in drawn:
        text = f"{latent.name} is Gaussian, and nothing else reads it"
    elif not what:
        text = f"the energies make {latent.name} and the others jointly Gaussian"
    return Removal(latent.name, RULE, Witness(RULE, text, latent.span))


def affine_gaussian(law: Law, names: Set[str], program: Program) -> bool:
    """Whether a law is Gaussian, its location affine in the variables, its scale free of them."""
    if isinstance(law, Chosen):
        chosen = degree(law.test, names, program.nets) == 0
        return chosen and all(affine_gaussian(w, names, program) for w in (law.then, law.otherwise))
    if not isinstance(law, Named) or not law.extern.has("gaussian"):
        return False
    location = law.extern.argument("gaussian")
    return all(
        degree(value, names, program.nets) <= (name in location)
        for name, value in law.arguments.items()
    )
