"""DGM083x: posteriors over the parameters."""

from __future__ import annotations

from collections.abc import Iterable

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic


def not_drawn_by_numpyro(names: Iterable[str], model: str) -> Diagnostic:
    """A NumPyro model of an energy that is run without its data."""
    shown = ", ".join(f"`{name}`" for name in names)
    why = f"the law of {shown} is by an energy, which has no draw that NumPyro could make"
    return Diagnostic(
        "DGM0830", "no draw", (), (why,), "pass values of all data to the NumPyro model",
        place=model,
    )  # fmt: skip


def idle_setting(name: str, objective: str) -> Diagnostic:
    """A setting of training, of an objective that does not train."""
    why = f"`{objective}` draws the parameters by chains, and has no use for `{name}`"
    help = f"take `{name}` out; `{objective}(draws = …, warmup = …, chains = …)` says how long"
    return Diagnostic("DGM0831", "setting without a meaning", (), (why,), help, place=name)


def no_loss(objective: str, model: str) -> Diagnostic:
    """The training loss of an objective that has none."""
    why = f"`{objective}` draws the parameters by chains, so it has no loss"
    help = f"`{model}.numpyro()` is the density as a NumPyro model, for loops of your own"
    return Diagnostic("DGM0832", "no loss", (), (why,), help, place=objective)


def needs_a_point(objective: str) -> Diagnostic:
    """A question to one set of parameters, of a fit that holds draws of them."""
    why = f"the fit by `{objective}` holds draws of the parameters, and this asks one set of them"
    help = 'ask `fit.using("mean")`, which takes their posterior means'
    return Diagnostic("DGM0833", "no single parameters", (), (why,), help, place=objective)


def chains_disagree(name: str, value: float, objective: str) -> Diagnostic:
    """The chains of a fit have not mixed."""
    why = (
        f"R̂ of {name} is {value:.2f}, and above 1.01 the chains have not come to the same law "
        "(Vehtari et al. 2021)"
    )
    help = "draw more, warm up longer, or look for parameters that can change places"
    return Diagnostic(
        "DGM0834", "chains disagree", (), (why,), help, severity="warning", place=objective
    )


def divergences(count: int, total: int, objective: str) -> Diagnostic:
    """Trajectories that left the posterior where it bends too sharply for the step."""
    why = f"{count} of {total} transitions diverged: where they did, the draws miss a part"
    help = "take a law with lighter tails as the prior of scales, or the other of `centred`"
    return Diagnostic(
        "DGM0835", "divergent transitions", (), (why,), help, severity="warning", place=objective
    )


IN_CHAINS = "`fit.chains.latents` holds those draws"
"""Where latents are that chains moved."""


def new_latents(names: Iterable[str], objective: str, kept: str) -> Diagnostic:
    """A question about latents of examples, of a fit that moved those of its data alone."""
    shown = ", ".join(f"`{name}`" for name in names)
    why = f"`{objective}` moved {shown} of the training data, and trains nothing for other examples"
    help = f"{kept}; train with `elbo` for a guide of all examples"
    return Diagnostic("DGM0836", "latents of new examples", (), (why,), help, place=objective)
