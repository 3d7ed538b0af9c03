"""Kernels whose spectral norm is held below a bound."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

SQUARINGS = 5
"""Each doubles the power of the kernel's Gram matrix."""


def held(kernel: Array, bound: float) -> Array:
    """W min(1, bound/σ), σ being the largest singular value; W itself where the bound is 0.

    The map x ↦ x W then stretches no difference of inputs by more than the bound, up to the error
    of the power iteration, which takes σ a little too small: by less than 1 % for Gaussian matrices
    of up to 1000 rows, and by far less where some direction stands out. The gradient sees σ move
    with W, and its singular vectors stay. A bounded kernel costs a few products with itself a call,
    and none an example.

    Source: Miyato et al. 2018, arXiv 1802.05957; held below, and not at, the bound: Gouk et al.
    2021, arXiv 1804.04368.
    """
    if not bound:
        return kernel
    return kernel * (bound / jnp.maximum(norm(kernel), bound))


def norm(kernel: Array) -> Array:
    """The largest singular value of a matrix, by squaring its Gram matrix again and again."""
    fixed = jax.lax.stop_gradient(kernel)
    wide = fixed.shape[0] < fixed.shape[1]
    gram = fixed @ fixed.T if wide else fixed.T @ fixed
    tiny = jnp.finfo(kernel.dtype).tiny
    for _ in range(SQUARINGS):
        gram = gram / jnp.maximum(jnp.max(jnp.abs(gram)), tiny)
        gram = gram @ gram
    # Its columns point along the largest singular vector; one of them does so with some length.
    column = gram[:, jnp.argmax(jnp.diagonal(gram))]
    vector = column / jnp.maximum(jnp.linalg.norm(column), tiny)
    image = vector @ kernel if wide else kernel @ vector
    return jnp.sqrt(jnp.maximum(jnp.sum(image**2), tiny))
