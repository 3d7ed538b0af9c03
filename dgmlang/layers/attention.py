"""Transformer blocks: attention and two dense maps, each behind a norm and around a residual.

softmax(Q Kᵀ / √w) V in `heads` parts of width w = n / heads; `transformer` lets position t see
positions up to t, `encoder` all of them. A context is attended to by a second attention in every
block. Positions are known by a learned table that is added to the input; the last norm ends it.

Source: Vaswani et al. 2017, sec. 3, arXiv:1706.03762; norms in front as in Radford et al. 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.layers.follow import Stepped
from dgmlang.layers.layer import Params, Shape, Site, draw_kernel
from dgmlang.registry import implements

WIDER = 4
"""How much wider than its input the dense part of a block is."""


@dataclass(frozen=True)
class Attention:
    """Rows [T, n] attend to rows [S, m]; causal: row t to rows up to t.

    Of a source with an end only the rows before it are seen; where there is none, nothing is mixed.
    """

    n: int
    m: int
    heads: int
    causal: bool

    def init(self, rng: np.random.Generator) -> Params:
        rows = {"query": self.n, "key": self.m, "value": self.m, "out": self.n}
        return {name: draw_kernel(rng, size, self.n) for name, size in rows.items()}

    def __call__(self, params: Params, x: Array, source: Array, end: Array | None = None) -> Array:
        hidden = np.triu(np.ones((len(x), len(source)), bool), 1) if self.causal else None
        behind = _behind(len(source), end)
        if behind is not None:
            hidden = behind if hidden is None else hidden | behind
        return self.mixed(params, x, *self.known(params, source, end), hidden)

    def known(self, params: Params, source: Array, end: Array | None = None) -> tuple[Array, Array]:
        """The keys and values of rows, [S, heads, w]; the values are 0 where no row is there."""
        key, value = ((source @ params[name]).reshape(len(source), self.heads, -1)
                      for name in ("key", "value"))  # fmt: skip
        return key, value if end is None else jnp.where(end > 0, value, 0.0)

    def mixed(
        self, params: Params, x: Array, key: Array, value: Array, hidden: Any = None
    ) -> Array:
        """What rows x take from keys and values, but those `hidden` [T, S] from them."""
        query = (x @ params["query"]).reshape(len(x), self.heads, -1)
        scores = jnp.einsum("thw,shw->hts", query, key) / query.shape[-1] ** 0.5
        if hidden is not None:
            scores = jnp.where(hidden[None], -jnp.inf, scores)
        found = jnp.einsum("hts,shw->thw", jax.nn.softmax(scores), value)
        return found.reshape(x.shape) @ params["out"]


@dataclass(frozen=True)
class Transformer:
    """[T, n] ↦ [T, n]; the context is [S, m]."""

    length: int
    n: int
    layers: int
    heads: int
    causal: bool
    context: Shape | None = None

    @property
    def target(self) -> Shape:
        return (self.length, self.n)

    @property
    def attentions(self) -> dict[str, Attention]:
        """Those of one block."""
        own = {"attention": Attention(self.n, self.n, self.heads, self.causal)}
        if self.context is None:
            return own
        return own | {"across": Attention(self.n, self.context[-1], self.heads, causal=False)}

    def init(self, rng: np.random.Generator) -> Params:
        positions = rng.standard_normal(self.target, np.float32) * np.float32(0.02)
        blocks = {str(i): self._block(rng) for i in range(self.layers)}
        return {"positions": positions, **blocks, "norm": _norm(self.n)}

    def _block(self, rng: np.random.Generator) -> Params:
        wide = WIDER * self.n
        # What a block adds starts small, by the number of its kind, so that depth adds no variance.
        small = np.float32((len(self.attentions) + 1) * self.layers) ** -0.5
        block: Params = {}
        for name, built in self.attentions.items():
            block[name] = built.init(rng) | {"norm": _norm(self.n)}
            block[name]["out"] *= small
        block["dense"] = {
            "norm": _norm(self.n),
            "in": {"kernel": draw_kernel(rng, self.n, wide), "bias": np.zeros(wide, np.float32)},
            "out": {
                "kernel": draw_kernel(rng, wide, self.n) * small,
                "bias": np.zeros(self.n, np.float32),
            },
        }
        return block

    def __call__(
        self,
        params: Params,
        x: Array,
        context: Array | None = None,
        length: Array | None = None,
        context_length: Array | None = None,
    ) -> Array:
        """The lengths say where x and the context end, if not at their last rows."""
        x = x + params["positions"]
        for i in range(self.layers):
            block = params[str(i)]
            for name, built in self.attentions.items():
                normed = normalised(block[name]["norm"], x)
                if name == "attention" or context is None:
                    # A causal layer's rows see no row behind them, so none before the end does.
                    x = x + built(block[name], normed, normed, None if self.causal else length)
                else:
                    x = x + built(block[name], normed, context, context_length)
            x = x + _dense(block["dense"], normalised(block["dense"]["norm"], x))
        return normalised(params["norm"], x)

    def stepped(
        self,
        params: Params,
        context: Array | None = None,
        context_length: Array | None = None,
    ) -> Stepped | None:
        """Row by row, the keys and values of the rows so far kept: a row costs O(T n + n²)."""
        if not self.causal:
            return None
        known, behind = dict[int, tuple[Array, Array]](), None
        if context is not None:
            across = self.attentions["across"]
            behind = _behind(len(context), context_length)
            for i in range(self.layers):
                known[i] = across.known(params[str(i)]["across"], context, context_length)
        own = self.attentions["attention"]

        def turn(kept: Any, step: Any, row: Array) -> tuple[Array, Any]:
            t, position = step
            x, after = (row + position)[None], []
            for i, cache in enumerate(kept):
                block = params[str(i)]
                normed = normalised(block["attention"]["norm"], x)
                new = own.known(block["attention"], normed)
                cache = tuple(
                    jax.lax.dynamic_update_slice_in_dim(old, here, t, 0)
                    for old, here in zip(cache, new, strict=True)
                )
                later = (jnp.arange(self.length) > t)[None]
                x = x + own.mixed(block["attention"], normed, *cache, later)
                if i in known:
                    normed = normalised(block["across"]["norm"], x)
                    across, (keys, values) = self.attentions["across"], known[i]
                    x = x + across.mixed(block["across"], normed, keys, values, behind)
                x = x + _dense(block["dense"], normalised(block["dense"]["norm"], x))
                after.append(cache)
            return normalised(params["norm"], x)[0], after

        blank = jnp.zeros(
            (self.length, self.heads, self.n // self.heads), params["positions"].dtype
        )
        start = [(blank, blank)] * self.layers
        return Stepped(start, (jnp.arange(self.length), params["positions"]), turn)


@implements("layer", "transformer")
def transformer(settings: Mapping[str, Any], site: Site) -> Transformer:
    """`transformer(layers, heads, context)` along the first axis of [T, n], seeing no later row."""
    length, n = site.shape
    context = site.inputs.get("context")
    return Transformer(length, n, settings["layers"], settings["heads"], True, context)


@implements("layer", "encoder")
def encoder(settings: Mapping[str, Any], site: Site) -> Transformer:
    """`encoder(layers, heads)` along the first axis of [T, n], all rows seeing all."""
    length, n = site.shape
    return Transformer(length, n, settings["layers"], settings["heads"], causal=False)


def normalised(params: Params, x: Array) -> Array:
    """The last axis with mean 0 and variance 1, then scaled and shifted (Ba et al. 2016)."""
    centred = x - x.mean(-1, keepdims=True)
    # The constant is felt only by rows that are constant, whose gradient it keeps finite.
    scaled = centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    rank = (1,) * (x.ndim - 1)
    return scaled * params["scale"].reshape(*rank, -1) + params["shift"].reshape(*rank, -1)


def _behind(rows: int, end: Array | None) -> Array | None:
    """Which rows of a source stand behind its end, [1, rows]; the first is always seen."""
    return None if end is None else (jnp.arange(rows) >= jnp.maximum(end, 1))[None]


def _norm(n: int) -> Params:
    return {"scale": np.ones(n, np.float32), "shift": np.zeros(n, np.float32)}


def _dense(params: Params, x: Array) -> Array:
    hidden = jax.nn.gelu(x @ params["in"]["kernel"] + params["in"]["bias"][None])
    return hidden @ params["out"]["kernel"] + params["out"]["bias"][None]
