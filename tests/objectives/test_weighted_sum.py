"""Weighted sums of objectives: gradients add, sides keep to themselves, terms keep their names."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import dgmlang as dgm
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.plan.methods import objective
from tests.objectives.models import LINEAR, arrays
from tests.objectives.test_adversarial import SHIFT
from tests.objectives.test_likelihood import PRIORED

KEY = jax.random.key(0)
X = np.array([0.3, -1.0, 2.5, 0.9])
MEAN = "model M { param m : real[1]\n data x : real[1] ~ Normal(m, 1) }"
BUILT = SHIFT.replace("  critic(x) = x\n", "")


def bound(model, text):
    return model.objective(objective(model.plan, text))


def slope(model, text, params, data):
    """The gradient of the model's loss, and the loss."""
    found = bound(model, text)
    first = {**params, **found.companions(KEY, data)}
    state = found.start(KEY, first, data)

    def loss(params):
        return found.players[-1].loss(params, state, data, KEY)[0]

    value, slopes = jax.jit(jax.value_and_grad(loss))(params)
    return slopes, value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("elbo + 100*discriminate(y)", "elbo + 100 * discriminate(y)"),
        ("2 * (mle - gan / 4)", "2 * mle - 0.5 * gan"),
        ("-(mle) + 1 * gan(penalty = 0) * 3e-05", "-mle + 3e-05 * gan(penalty = 0)"),
    ],
)
def test_terms_and_weights(text, shown):
    from dgmlang.compiler.plan.sums import terms
    from dgmlang.compiler.source import Source
    from dgmlang.compiler.syntax.parse import parse_expression

    def parsed(text):
        node, found = parse_expression(Source("<test>", text))
        assert node is not None
        assert not found
        return [(weight, term.span.text) for weight, term in terms(node, "")]

    assert parsed(text) == parsed(shown)


def test_what_is_kept_of_a_sum_is_read_back():
    plan = dgm.parse(SHIFT).plan
    text = str(objective(plan, "2 * (gan(penalty = 0) - wgan / 4)"))
    assert text == "2 * gan(penalty = 0) - 0.5 * wgan"
    assert objective(plan, text) == objective(plan, "2 * (gan(penalty = 0) - wgan / 4)")


@pytest.mark.usefixtures("x64")
def test_shared_parameters_get_the_sum_of_gradients():
    """Of `mle` in closed form, x ~ N(0, 1 + w²); of `elbo` as the term alone has it."""
    model, data = dgm.parse(LINEAR), arrays(x=X)
    params = arrays(w=0.7, a=0.3, r=-0.5)
    (found, value) = slope(model, "2 * mle + 0.5 * elbo", params, data)
    variance = 1 + 0.7**2
    likelihood = 0.7 / variance - 0.7 * np.mean(X**2) / variance**2
    own = jax.random.fold_in(KEY, 1)
    elbo = bound(model, "elbo").players[0]
    alone = jax.jit(jax.grad(lambda p: elbo.loss(p, {}, data, own)[0]))(params)
    assert float(found["w"]) == pytest.approx(2 * likelihood + 0.5 * float(alone["w"]))
    assert float(found["w"]) != pytest.approx(2 * likelihood + float(alone["w"]))
    for name in ("a", "r"):
        assert float(found[name]) == pytest.approx(0.5 * float(alone[name]))
    own_value = float(elbo.loss(params, {}, data, own)[0])
    exact = -norm.logpdf(X, 0, np.sqrt(variance)).mean()
    assert float(value) == pytest.approx(2 * exact + 0.5 * own_value)


@pytest.mark.usefixtures("x64")
def test_priors_count_once():
    """−3 Σ log N(x; m, 1) − log N(m; 0, 2) is least at 3 Σ x / (3 N + ¼)."""
    model = dgm.parse(PRIORED)

    def at(prior):
        loc = 3 * X.sum() / (3 * len(X) + prior / 4)
        return float(slope(model, "mle + 2 * map", arrays(loc=loc), arrays(x=X))[0]["loc"])

    assert at(1) == pytest.approx(0, abs=1e-12)
    assert abs(at(2)) > 1e-3
    free = bound(model, "mle + mle")
    assert free.unpriced is None


def test_each_side_has_its_own_optimiser_and_parameters():
    model = dgm.parse(SHIFT)
    found = bound(model, "gan + 0.5 * wgan")
    first, second, both = found.players
    assert [p.name for p in found.players] == ["gan.critic", "wgan.critic", "model"]
    assert [first.trains, second.trains, both.trains] == ["gan", "wgan", ""]
    params = {**model.init(0), **found.companions(KEY, arrays(x=X[:, None]))}
    assert sorted(params) == ["critic", "shift", "wgan:critic"]
    for player, own in zip(found.players, (["critic"], ["wgan:critic"], ["shift"]), strict=True):
        assert [n for n in sorted(params) if player.owns(n)] == own
    state = found.start(KEY, params, arrays(x=X[:, None]))

    def loss(params):
        return second.loss(params, state, arrays(x=X[:, None]), KEY)[0]

    slopes = jax.jit(jax.grad(loss))(params)
    size = {
        name: sum(float(jnp.sum(a**2)) for a in jax.tree.leaves(slopes[name])) for name in slopes
    }
    assert size["wgan:critic"] > 0
    assert size["critic"] == 0


def test_critics_that_are_built_are_two():
    model = dgm.parse(BUILT)
    data = arrays(x=X[:, None])
    found = bound(model, "gan + wgan").companions(KEY, data)
    assert sorted(found) == ["critic", "wgan:critic"]
    first, second = (found[n]["head"]["kernel"] for n in sorted(found))
    assert not np.allclose(first, second)


def test_every_refused_term_is_named():
    model = dgm.parse(SHIFT)
    with pytest.raises(DgmError) as caught:
        objective(model.plan, "gan + 0.1 * mle + bigan + gann")
    said = [(d.code, d.title) for d in caught.value.diagnostics]
    assert said == [
        ("DGM0412", "objective `mle` is not legal here"),
        ("DGM0412", "objective `bigan` is not legal here"),
        ("DGM0413", "unknown objective"),
    ]


def test_a_recipe_names_the_term_in_the_program():
    text = SHIFT.replace("critic(x)", "recipe default { objective = gan + 0.1 * mle }\n  critic(x)")
    with pytest.raises(DgmError) as caught:
        dgm.parse(text)
    (found,) = caught.value.diagnostics
    assert found.labels[0].span.text == "mle"


def test_weights_of_examples_need_them_in_each_term():
    model, data = dgm.parse(MEAN), X[:, None]
    with pytest.raises(DgmError, match="`gan` has no loss an example"):
        model.fit(data, objective="mle + gan", sample_weight=np.ones(4), steps=1)


def test_a_fit_reports_each_term_and_looks_at_what_it_can():
    """`mle + gan` of N(m, 1) ends at the mean; no held-out loss stands for a sum with `gan`."""
    data = np.random.default_rng(0).normal(2, 1, size=(400, 1))
    model, rate = dgm.parse(MEAN), {"model": "adam(learning_rate = 0.03)"}
    fit = model.fit(data, objective="mle + 0.1 * gan", steps=300, valid=data, optimizer=rate)
    assert float(fit.params["m"][0]) == pytest.approx(data.mean(), abs=0.05)
    with pytest.raises(DgmError, match="no player to optimise is called `critic`"):
        model.fit(data, objective="mle + 0.1 * gan", optimizer={"critic": "sgd(0.1)"}, steps=1)
    last = fit.history[-1].values
    assert {"gan.critic.loss", "model.loss", "model.mle.loss", "model.gan.loss"} <= set(last)
    assert "valid" not in last
    whole = last["model.mle.loss"] + 0.1 * last["model.gan.loss"]
    assert last["model.loss"] == pytest.approx(whole, rel=1e-5)
    assert fit.quantity.startswith("a weighted sum, neither a likelihood nor a bound")
    assert fit.objective == "mle + 0.1 * gan"
