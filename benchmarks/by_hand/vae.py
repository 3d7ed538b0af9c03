"""The step of a variational autoencoder 784–400–400–32 in plain JAX and Optax.

Everything that makes such a loop fast is here: many steps in a compiled call, buffers donated, data
and shuffling on the device, random numbers in bulk, the cheapest form of each density.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax
from jax.nn import softplus, swish

BATCH, LATENTS, HIDDEN, PIXELS = 128, 32, 400, 784
RATE = 1e-3
ADAM = optax.adam(RATE)

Params = dict[str, Any]


class Carry(NamedTuple):
    """What a step changes; `total` adds up the losses."""

    params: Params
    moments: Any
    step: Array
    total: Array


def init(seed: int) -> Params:
    """Matrices from N(0, 1/fan-in), biases 0."""
    rng = np.random.default_rng(seed)

    def dense(n: int, units: int) -> dict[str, Array]:
        kernel = rng.standard_normal((n, units), np.float32) / np.sqrt(np.float32(n))
        return {"kernel": jnp.asarray(kernel), "bias": jnp.zeros(units)}

    def hidden(n: int) -> dict[str, Any]:
        return {"0": dense(n, HIDDEN), "1": dense(HIDDEN, HIDDEN)}

    scale, loc = dense(HIDDEN, LATENTS), dense(HIDDEN, LATENTS)
    return {
        "encoder": {"mlp": hidden(PIXELS), "loc": loc, "scale": scale},
        "decoder": {"mlp": hidden(LATENTS), "logits": dense(HIDDEN, PIXELS)},
    }


def affine(layer: dict[str, Array], x: Array) -> Array:
    return x @ layer["kernel"] + layer["bias"][None]


def features(net: dict[str, Any], x: Array) -> Array:
    return swish(affine(net["mlp"]["1"], swish(affine(net["mlp"]["0"], x))))


def loss(params: Params, x: Array, noise: Array) -> Array:
    """The negative ELBO, its KL in closed form: x is [batch, 784], noise [batch, 32]."""
    encoder, decoder = params["encoder"], params["decoder"]
    seen = features(encoder, x)
    loc = affine(encoder["loc"], seen)
    scale = softplus(affine(encoder["scale"], seen)) + 1e-6
    logits = affine(decoder["logits"], features(decoder, loc + scale * noise))
    small = jnp.log1p(jnp.exp(-jnp.maximum(logits, -logits)))
    reconstruction = jnp.sum(x * logits - jnp.maximum(logits, 0) - small, axis=1)
    kl = jnp.sum(0.5 * (scale**2 + loc**2 - 1) - jnp.log(scale), axis=1)
    return jnp.mean(kl - reconstruction)


def begin(params: Params) -> Carry:
    """The carry before the first step; the parameters are copied, since calls donate them."""
    copied = jax.tree.map(jnp.copy, params)
    return Carry(copied, ADAM.init(copied), jnp.int32(0), jnp.float32(0))


@partial(jax.jit, donate_argnums=0)
def advance(carry: Carry, data: Array, order: Array, key: Array, stop: Array) -> Carry:
    """The carry after step `stop`: data is [n, 784] bytes, `order` this epoch's permutation."""
    whole = data.shape[0] // BATCH

    def step(carry: Carry) -> Carry:
        rows = lax.dynamic_slice(order, (carry.step % whole * BATCH,), (BATCH,))
        dots, noise = jax.random.split(jax.random.fold_in(key, carry.step))
        grey = data[rows].astype(jnp.float32) / 255
        x = (jax.random.uniform(dots, grey.shape) < grey).astype(jnp.float32)
        eps = jax.random.normal(noise, (BATCH, LATENTS))
        value, gradient = jax.value_and_grad(loss)(carry.params, x, eps)
        change, moments = ADAM.update(gradient, carry.moments)
        params: Any = optax.apply_updates(carry.params, change)
        return Carry(params, moments, carry.step + 1, carry.total + value)

    return lax.while_loop(lambda carry: carry.step < stop, step, carry)


class Run:
    """A run under way: data on the device, an order for each epoch."""

    def __init__(self, params: Params, pictures: np.ndarray, seed: int = 0) -> None:
        self.data = jax.device_put(pictures.reshape(-1, PIXELS))
        self.carry, self.key, self.done = begin(params), jax.random.key(seed), 0
        self.whole = len(pictures) // BATCH
        self.shuffle = jax.jit(partial(jax.random.permutation, x=len(pictures)))

    def steps(self, count: int) -> None:
        """So many more steps, done when this returns."""
        end = self.done + count
        while self.done < end:
            epoch, place = divmod(self.done, self.whole)
            if place == 0:
                self.order = self.shuffle(jax.random.fold_in(self.key, epoch))
            stop = min(end, (epoch + 1) * self.whole)
            self.carry = advance(self.carry, self.data, self.order, self.key, jnp.int32(stop))
            self.done = stop
        jax.block_until_ready(self.carry)
