"""DGM04xx: objectives, samplers and recipes. Also the words for each clause of `requires`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from dgmlang.compiler.diagnostics.diagnostic import Diagnostic, Label, respelt
from dgmlang.compiler.diagnostics.suggest import suggest
from dgmlang.compiler.frozen import frozen
from dgmlang.compiler.source import Span


@frozen()
class Unmet:
    """The first clause of a condition that fails.

    `need` is the clause in words; `fact` what stands against it, at `span` where there is a place.
    """

    condition: str
    need: str
    fact: str = ""
    span: Span | None = field(default=None, repr=False)

    @property
    def why(self) -> str:
        """The need and the fact, as one clause."""
        return f"{self.need}: {self.fact}" if self.fact else self.need


CLAUSES = {
    "density == exact": "it needs an exact density",
    "marginal == exact": "it needs an exact density",
    "density >= bound": "it needs a density, or a bound on it",
    "normaliser >= summed": "it needs a normaliser that can be computed",
    "normaliser == one": "it needs a normalised density",
    "score >= model": "it needs a score",
    "score == exact": "it needs the gradient of the log density",
    "space == continuous": "it needs continuous data",
    "score >= model or marginal_chain": "it needs a score",
    "score == exact or marginal_chain": "it needs the gradient of the log density",
    "space == continuous or marginal_chain": "it needs continuous data",
    "space == finite": "it needs finite data",
    "real_data": "it needs data of kind `real`",
    "smooth": "it needs a density without kinks",
    "bounded == 0": "it needs every latent to go exactly",
    "bounded": "it needs a latent that is bounded",
    "latents": "the model has no latent variable",
    "directed": "it needs data that are drawn or computed",
    "energy": "the model has no energy",
    "conditionals": "no block of the energy has a derived conditional",
    "free_support": "its chain would leave the variable's kind: it moves on the reals",
    "learned": "there is nothing to learn",
    "marginal == exact or continuous_latents": "it needs the latents to go exactly, or to be moved",
    "priors": "no param or net has a prior",
    "all_priors": "it needs a prior on every param and every net",
    "not hierarchical": "a prior reads a param, so the joint mode is unbounded",
    "pathwise": "it needs gradients through a draw of the data",
    "draw == direct or inner": "it needs variables that are drawn or computed in order",
    "energy or bare_score": "the model has neither an energy nor a bare score",
    "process": "the model has no score under a noising process",
    "not process": "the score is under a process, which has noise levels of its own",
    "continuous_process": "the process has discrete levels",
    "optional_givens": "the model has no optional given to leave out",
    "noise_density": "no noise law is built here: of conditional models, or of such a kind",
    "noise_learned": "the model writes no noise law with parameters",
    "finite_latents": "the model has no finite latent",
    "not paired": "the critic is of pairs, data and latents",
    "not deterministic": "the guide computes a latent, so it has no density",
    "paired": "the critic is not of pairs",
    "weighed": "the law of a latent is by a score, which has no density",
    "guided": "the model has no guide",
    "ode_flow": "the data are not a base that one `ode` carries, with nothing else to learn",
    "not givens": "draws may not be paired across the values of givens",
    "classifies": "no class among several data has a guide, or an exact law given the others",
}


def clause(condition: str) -> str:
    """What a condition asks for, as the reason for a refusal."""
    return CLAUSES.get(condition, f"it needs {condition}")


def illegal(
    kind: str,
    name: str,
    unmet: Unmet,
    legal: Iterable[str],
    default: str | None,
    place: str,
) -> Diagnostic:
    """An objective or sampler that the model does not allow."""
    shown = [f"{n} (default)" if n == default else n for n in legal]
    labels = (Label(unmet.span, unmet.fact),) if unmet.span else ()
    return Diagnostic(
        "DGM0412",
        f"{kind} `{name}` is not legal here",
        labels,
        (unmet.need,),
        f"legal here: {', '.join(shown)}" if shown else f"no {kind} is legal here",
        place=None if unmet.span else place,
    )


_METHODS = {
    **dict.fromkeys(("nll", "maximum_likelihood", "ml", "likelihood", "log_likelihood"), "mle"),
    **dict.fromkeys(("vi", "svi", "advi", "vae", "variational", "trace_elbo"), "elbo"),
    **dict.fromkeys(("score_matching", "ism"), "sm"),
    **dict.fromkeys(("denoising", "diffusion", "ddpm", "denoising_score_matching"), "dsm"),
    **dict.fromkeys(("contrastive_divergence",), "cd"),
    **dict.fromkeys(("persistent_contrastive_divergence",), "pcd"),
    **dict.fromkeys(("mcmc", "bayes"), "nuts"),
    **dict.fromkeys(("adversary", "gan_loss", "minimax"), "gan"),
    **dict.fromkeys(("cfm", "fm", "conditional_flow_matching"), "flow_matching"),
    **dict.fromkeys(("euler_maruyama", "reverse_sde"), "sde"),
    **dict.fromkeys(("probability_flow", "pf_ode"), "ode"),
}
"""Objectives and samplers by the names that they have in papers and libraries."""


def unknown_method(
    kind: str, name: str, known: Iterable[str], place: str, span: Span
) -> Diagnostic:
    """A name that is no objective or sampler."""
    known = tuple(known)
    near = _METHODS.get(name.lower()) or suggest(name, known)
    near = near if near in known else None
    return Diagnostic(
        "DGM0413",
        f"unknown {kind}",
        (),
        (f"no {kind} is called `{name}`; there are {', '.join(known)}",),
        f"write `{near}`" if near else None,
        place=place,
        fixes=respelt(span, name, near),
    )


def takes_no_missing(kind: str, name: str, runs: Iterable[str], place: str) -> Diagnostic:
    """A method that is built, and not for data that may be missing."""
    return Diagnostic(
        "DGM0418",
        "not built for missing data",
        (),
        (f"the {kind} `{name}` cannot yet leave out what an example lacks",),
        f"runs here: {', '.join(runs)}",
        place=place,
    )


def takes_no_weights(name: str, runs: Iterable[str], place: str) -> Diagnostic:
    """An objective that is not the weighted mean of a loss an example."""
    return Diagnostic(
        "DGM0431",
        "weights without a meaning",
        (),
        (f"`sample_weight` weighs each example's loss, and `{name}` has no loss an example",),
        f"these take weights here: {', '.join(runs)}" if runs else "leave `sample_weight` out",
        place=place,
    )


def unbuilt_method(kind: str, name: str, legal: Iterable[str], place: str) -> Diagnostic:
    """A method that is part of the language, and not built in this version."""
    return Diagnostic(
        "DGM0414",
        "not built yet",
        (),
        (f"the {kind} `{name}` is part of the language, and this version cannot run it",),
        f"runs here: {', '.join(runs)}" if (runs := tuple(legal)) else None,
        place=place,
    )


def bad_method(kind: str, text: str, what: str, place: str) -> Diagnostic:
    """A method expression that does not parse or does not fit its signature."""
    why, help = (
        f"`{text}`: {what}",
        f"`dgm doc NAME` shows what {kind}s take, `explain` which are legal",
    )
    return Diagnostic("DGM0415", f"wrong {kind}", (), (why,), help, place=place)


def no_term(name: str, place: str) -> Diagnostic:
    """A term of a weighted sum that has no loss whose gradient could be added to others."""
    return Diagnostic(
        "DGM0436",
        "not a term",
        (),
        (f"`{name}` sets params in a way of its own, so its loss is no term beside others",),
        f"use `{name}` on its own",
        place=place,
    )


def no_class(method: str, name: str, known: Iterable[str], place: str) -> Diagnostic:
    """A setting that names what is no class among the data, or one whose law cannot be had."""
    known = tuple(known)
    near = suggest(name, known) or (known[0] if len(known) == 1 else None)
    return Diagnostic(
        "DGM0437",
        "not a class here",
        (),
        (f"`{method}({name})` needs finite data, with a guide or an exact law given the rest; here "
         f"is {', '.join(f'`{n}`' for n in known)}",),
        f"write `{method}({near})`" if near else None,
        place=place,
    )  # fmt: skip


def nothing_to_learn(place: str) -> Diagnostic:
    """`fit` of a model without parameters."""
    return Diagnostic(
        "DGM0416",
        "nothing to learn",
        (),
        ("the model has no params and no nets",),
        "draw from it with `model.sample(…)`, or give it a `param`",
        place=place,
    )


def missing_companion(name: str, what: str, place: str) -> Diagnostic:
    """A companion that the objective needs, and that this version does not build by itself."""
    return Diagnostic(
        "DGM0417",
        f"no {what}",
        (),
        (f"`{name}` needs a {what}, the program writes none, and none is built for such a latent",),
        {
            "guide": "add `guide { z ~ Normal(encoder(x)...) }`",
            "critic": "add `critic(x) = x |> mlp([128, 128])`",
        }.get(what),
        place=place,
    )


def unknown_recipe(name: str, known: Iterable[str], place: str) -> Diagnostic:
    """A recipe that the program does not have."""
    known = tuple(known)
    why = f"its recipes: {', '.join(known)}" if known else "the program has no recipe"
    near = suggest(name, known)
    other = "write one of these" if known else "write `recipe NAME { … }` in it, or leave it out"
    help = f"write `{near}`" if near else other
    return Diagnostic("DGM0419", "unknown recipe", (), (why,), help, place=place)


def open_dimensions(names: Iterable[str], place: str) -> Diagnostic:
    """Something that needs numbers for dimensions that only data or settings give."""
    shown = tuple(names)
    return Diagnostic(
        "DGM0420",
        "open dimension",
        (),
        (f"{', '.join(f'`{n}`' for n in shown)} has no value yet",),
        f"pass `{shown[0]} = …` to `load`, or `--set {shown[0]}=…`; `fit` takes it from the data",
        place=place,
    )


def wrong_values(why: str, place: str) -> Diagnostic:
    """Values of a pure function that are not those of the program's variables."""
    help = "pass an array for each variable that the function reads, and for no other"
    return Diagnostic("DGM0422", "wrong values", (), (why,), help, place=place)


def setting_range(span: Span, name: str, setting: str, lowest: int, found: object) -> Diagnostic:
    """A setting of a method below what makes sense."""
    label = Label(span, f"`{setting}` of `{name}` is at least {lowest}; found {found}")
    return Diagnostic(
        "DGM0430", "setting out of range", (label,), help=f"write `{setting} = {lowest}` or more"
    )


def setting_above(span: Span, name: str, setting: str, usual: object, found: object) -> Diagnostic:
    """A setting that must be positive and is not."""
    label = Label(span, f"`{setting}` of `{name}` is above 0; found {found}")
    help = f"write a positive number, as `{setting} = {usual}`"
    return Diagnostic("DGM0430", "setting out of range", (label,), help=help)


def setting_below(span: Span, name: str, setting: str, limit: int, found: object) -> Diagnostic:
    """A setting that reaches what it must stay below."""
    label = Label(span, f"`{setting}` of `{name}` is less than {limit}; found {found}")
    help = f"write a number below {limit}"
    return Diagnostic("DGM0430", "setting out of range", (label,), help=help)


def idle_setting(method: str, setting: str, unmet: Unmet, place: str) -> Diagnostic:
    """A setting that means nothing for this model, so that it would be ignored."""
    return Diagnostic(
        "DGM0435",
        "idle setting",
        (),
        (f"`{setting}` of `{method}` has no effect here: {unmet.need}",),
        f"leave `{setting}` out",
        place=place,
    )


_TYPED = {
    "int": "write a whole number",
    "float": "write a number",
    "bool": "write `true` or `false`",
    "name": "write a name, without brackets",
}
"""What stands for a setting of each type."""


def wrong_setting(span: Span, name: str, expected: str, found: str) -> Diagnostic:
    """A setting of a method that is not of its type."""
    label = Label(span, f"Expected {expected} in `{name}`; found {found}")
    help = _TYPED.get(expected, f"write {expected}")
    return Diagnostic("DGM0421", "wrong setting", (label,), help=help)
