"""DGM08xx: questions to a model that it cannot answer, and draws that cannot be made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label
from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.source import Span


class _Witness(Protocol):
    """A fact with its place (`derive.facts.Witness`, which stands to the right of the words)."""

    @property
    def text(self) -> str: ...

    @property
    def span(self) -> Span: ...


ESTIMATE = 'write `log_normalizer(method = "ais")` for an estimate with its error'


def normaliser_not_a_sum(model: str, variable: str) -> Diagnostic:
    """The log Z of an energy over a variable that is not finite."""
    return Diagnostic(
        "DGM0801",
        "no finite sum",
        (),
        (f"the normaliser of `{model}` integrates over `{variable}`, which is not finite",),
        ESTIMATE,
        place=model,
    )


def normaliser_too_large(model: str, log2_states: float, budget: int) -> Diagnostic:
    """The log Z of an energy with more states than the budget."""
    why = f"the normaliser of `{model}` sums 2^{log2_states:.0f} states; the budget is {budget}"
    return Diagnostic("DGM0802", "sum too large", (), (why,), ESTIMATE, place=model)


def no_annealing(model: str, variable: str) -> Diagnostic:
    """An annealed estimate of a normaliser over a variable that no base law covers."""
    why = f"annealing of `{model}` starts at a law of finite and real sites; `{variable}` has none"
    help = "write the energy in finite and real variables, whose base laws are known"
    return Diagnostic("DGM0824", "no base law", (), (why,), help, place=model)


def no_exact_draws(model: str) -> Diagnostic:
    """An upper bound of a normaliser, which rests on exact draws of the model."""
    why = f"it begins at exact draws of `{model}`, and its states are too many to weigh them all"
    help = "write `ais`, whose number lies below log Z in the mean, or a `bridge`"
    return Diagnostic("DGM0841", "no exact draws", (), (why,), help, place=model)


def no_sum_given(model: str, variable: str) -> Diagnostic:
    """An exact normaliser with a variable of the energy held fixed."""
    why = f"the sum over the states of `{model}` runs over `{variable}`, which is held fixed"
    help = 'write `method = "ais"` for an estimate with its error'
    return Diagnostic("DGM0842", "sum over what is given", (), (why,), help, place=model)


def no_mode(model: str, variable: str | None) -> Diagnostic:
    """The most likely state of a directed model that is neither summed nor given; None: of none."""
    why = f"`{variable}` of `{model}` would have to be searched, and no rule sums it out exactly"
    if variable is None:
        why = f"every variable of `{model}` is given"
    help = "give a value of every variable but the finite latents that `explain` lists as summed"
    return Diagnostic("DGM0840", "no mode", (), (why,), help, place=model)


def unknown_choice(what: str, name: str, known: Iterable[str]) -> Diagnostic:
    """A solver, loss or other setting whose name is none of the known ones."""
    known = tuple(known)
    near = suggest(name, known)
    return Diagnostic(
        "DGM0803",
        f"unknown {what}",
        (),
        (f"no {what} is called `{name}`; there are {', '.join(known) or 'none'}",),
        f"write `{near}`" if near else "write one of these" if known else f"leave `{name}` out",
        place=f"{what} = {name}",
    )


def no_error_estimate(solver: str) -> Diagnostic:
    """A solver that cannot adapt its steps, asked to."""
    return Diagnostic(
        "DGM0828",
        "steps cannot adapt",
        (),
        (f"`{solver}` does not estimate its error, by which steps would adapt",),
        f"give it steps, `ode(solver = {solver}, steps = 100)`",
        place=f"solver = {solver}",
    )


def unknown_noise(sigma: float, low: float, high: float) -> Diagnostic:
    """A noise that no time of the model's process has."""
    return Diagnostic(
        "DGM0829",
        "unknown noise level",
        (),
        (f"noise {sigma:g} is no level of the model's process, from {low:.3g} to {high:.3g}",),
        "give a noise between these",
        place=f"sigma = {sigma:g}",
    )


def no_posterior_chain(latent: str) -> Diagnostic:
    """A contrastive objective on an energy whose latents can neither be removed nor swept."""
    return Diagnostic(
        "DGM0809",
        "no posterior chain",
        (),
        (f"`{latent}` is left to a chain, and some site of the energy has no Gibbs conditional",),
        f"make `{latent}` finite, or take an objective that `explain` lists as legal",
        place=latent,
    )


def teacher_not_fit(folder: str, why: str) -> Diagnostic:
    """A run folder whose model cannot teach this one."""
    help = "name a run of the same continuous data, with an exact density"
    return Diagnostic("DGM0827", "teacher does not fit", (), (why,), help, place=folder)


def weighted_kl(variable: str, **setting: float) -> Diagnostic:
    """A weight on the KL of a bound in which some latents are summed out."""
    (name, value), *_ = setting.items()
    return Diagnostic(
        "DGM0804",
        "no KL to weigh",
        (),
        (
            f"`{variable}` is summed out of the joint density, so that the bound does not split "
            "into a reconstruction and a KL",
        ),
        f"take `{name}` out",
        place=f"{name} = {value:g}",
    )


def idle_temperature(temperature: float) -> Diagnostic:
    """A temperature of relaxed draws where none is relaxed."""
    return Diagnostic(
        "DGM0435",
        "idle setting",
        (),
        ("`temperature` of `elbo` has no effect here: no latent's draws are relaxed",),
        "write `gradient = relaxed` beside it, or leave `temperature` out",
        place=f"temperature = {temperature:g}",
    )


def no_such_gradient(asked: str, refused: Mapping[str, str]) -> Diagnostic:
    """An estimator that no latent of the model can take."""
    return Diagnostic(
        "DGM0895",
        "no such gradient",
        (),
        tuple(f"`{variable}`: {why}" for variable, why in refused.items()),
        "take `gradient` out: each latent then has the estimator that `dgm explain` shows",
        place=f"gradient = {asked}",
    )


def missing_given(names: Iterable[str], model: str) -> Diagnostic:
    """A draw from a conditional model without its condition."""
    shown = tuple(names)
    why = f"the model conditions on {', '.join(f'`{n}`' for n in shown)}"
    help = f'pass `given = {{"{shown[0]}": …}}`'
    return Diagnostic("DGM0805", "missing given", (), (why,), help, place=model)


def no_estimator(name: str, known: Iterable[str], model: str) -> Diagnostic:
    """A method of `log_prob` that does not apply to the model."""
    known = tuple(known)
    why = f"`{name}` does not give log p of this model"
    help = f"these do: {', '.join(known)}" if known else "it has no density; `explain` says why"
    return Diagnostic("DGM0806", "no such estimate", (), (why,), help, place=model)


def bad_settings(name: str, key: str, known: Iterable[str]) -> Diagnostic:
    """A setting that a method of `log_prob` does not take."""
    known = tuple(known)
    near = suggest(key, known)
    return Diagnostic(
        "DGM0807",
        "unknown setting",
        (),
        (f"`{name}` takes no `{key}`; it takes {', '.join(known) or 'nothing'}",),
        f"write `{near}`" if near else f"leave `{key}` out",
        place=name,
    )


def no_posterior(model: str, latents: bool) -> Diagnostic:
    """A posterior query of a model without latents that a rule or a guide gives."""
    why = "the program writes no guide for its latents" if latents else "the model has no latent"
    help = "ask `sample` or `predict`, whose answers are about data"
    help = "add a `guide { … }` that draws each latent" if latents else help
    return Diagnostic("DGM0808", "no posterior", (), (why,), help, place=model)


def no_score(model: str, witnesses: Iterable[_Witness]) -> Diagnostic:
    """The score of a model that has none."""
    labels = tuple(Label(w.span, w.text) for w in witnesses)[:1]
    place = None if labels else model
    why, help = "∇ log p does not exist here", "ask `log_prob`, which needs no gradient"
    return Diagnostic("DGM0810", "no score", labels, (why,), help, place=place)


def wrong_count(name: str, shape: list[int], n: int) -> Diagnostic:
    """A value to condition on that is neither one example's nor n of them."""
    why = f"`{name}` has shape {shape}, and {n} draws are asked for"
    help = f"give one example's value, or {n} along the first axis"
    return Diagnostic("DGM0811", "wrong shape", (), (why,), help, place=f"given {name}")


def wrong_draws(n: object) -> Diagnostic:
    """A number of draws that is no positive whole number."""
    why = f"Expected a whole number from 1; found {n!r}"
    return Diagnostic("DGM0812", "wrong number of draws", (), (why,), "write `n = 1`", place="n")


def cannot_condition(span: Span, name: str, above: str) -> Diagnostic:
    """A value held fixed that a draw would have to reason back from."""
    if name == above:
        why = f"drawing the rest of `{name}` given a part of it is not built yet"
    else:
        why = f"`{above}` is drawn before `{name}`, and a draw does not look back"
    other = f"draw `{name}` as a whole, or give all of it"
    help = f"`posterior` says what the data tell of `{above}`" if name != above else other
    return Diagnostic(
        "DGM0813", "not built yet", (Label(span, f"`{name}` is held fixed"),), (why,), help
    )


def not_a_value(whole: Span, span: Span) -> Diagnostic:
    """An expression asked of a fitted model with a stage, or a law, of its own."""
    label = Label(span if span.source is whole.source else whole, "it is no part of the program")
    why = "a stage or a law written here would have parameters that were never learned"
    help = "write it as a `net` of the program, and call that here"
    return Diagnostic("DGM0814", "no learned parameters", (label,), (why,), help)


def missing_values(names: Iterable[str], text: str) -> Diagnostic:
    """An expression that reads variables which were not given."""
    shown = tuple(names)
    why = f"the expression reads {', '.join(f'`{n}`' for n in shown)}"
    return Diagnostic("DGM0815", "missing value", (), (why,), f"pass `{shown[0]} = …`", place=text)


def wrong_arguments(net: str, names: Iterable[str], found: int) -> Diagnostic:
    """A call of a fitted net with too many or too few arrays."""
    wanted = ", ".join(names)
    why = f"Expected the arguments {wanted}; found {found} of them"
    help = f"pass one array for each: `fit.nets.{net}({wanted})`"
    return Diagnostic("DGM0816", "wrong arguments", (), (why,), help, place=f"nets.{net}")


def cannot_export(query: str, why: str, legal: Iterable[str], model: str) -> Diagnostic:
    """A query that has no exported form for this model."""
    known = tuple(legal)
    help = f"export {', '.join(known)}" if known else None
    return Diagnostic("DGM0817", "no export", (), (why,), help, place=f"{query} of {model}")


def needs_package(query: str, package: str, extra: str) -> Diagnostic:
    """A query that rests on a package which is not here."""
    why = f"it rests on the package `{package}`, which is not installed"
    help = f'run `pip install "dgmlang[{extra}]"`'
    return Diagnostic("DGM0818", "missing package", (), (why,), help, place=query)


def no_prediction(name: str, model: str) -> Diagnostic:
    """A class asked of a model whose label cannot be summed over."""
    why = f"`{name}` is not one finite variable that was fitted, in an exact density of `{model}`"
    help = "ask for a `data` variable of few levels, or take `fit.sample(given = …)`"
    return Diagnostic("DGM0819", "no prediction", (), (why,), help, place=f"y = {name}")


def name_of_dimension(span: Span, name: str) -> Diagnostic:
    """A variable that is called as ArviZ calls an axis."""
    label = Label(span, f"`{name}` is the name of an axis of draws")
    why = "`to_arviz` labels arrays by chain, draw and example"
    return Diagnostic("DGM0820", "name of an axis", (label,), (why,), f"call `{name}` otherwise")


def givens_without_data(names: Iterable[str], model: str) -> Diagnostic:
    """Draws of a conditional model for ArviZ, without examples."""
    shown = tuple(names)
    why = f"the model conditions on {', '.join(f'`{n}`' for n in shown)}, and no data bring a value"
    help = f"pass data that bring `{shown[0]}`"
    return Diagnostic("DGM0821", "nothing to condition on", (), (why,), help, place=model)


def no_joint_draw(span: Span, name: str) -> Diagnostic:
    """Draws of all turns of a latent that loops sum turn by turn."""
    label = Label(span, f"`{name}` is summed turn by turn")
    why = "joint draws of all its turns are not built yet"
    help = f"ask `posterior` for the probabilities of the levels of `{name}`"
    return Diagnostic("DGM0822", "not built yet", (label,), (why,), help)


def counts_examples(query: str, model: str) -> Diagnostic:
    """An exported computation that depends on the number of examples, which is left open."""
    why = "its computation depends on the number of examples, which was left open"
    place = f"{query} of {model}"
    return Diagnostic(
        "DGM0823", "open number of examples", (), (why,), "pass `batch = 64`", place=place
    )
