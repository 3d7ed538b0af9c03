"""Lossless coding of examples by a model's own conditionals, with a range coder.

Every entry costs −log₂ p(entry | those before it), so that the whole has the model's code length,
but for rounding of probabilities to 24 bits and a word at the end. Encoding and decoding ask for
the same probabilities by the same compiled steps, so that they agree to the last bit: on one
machine, with the same versions. A checksum tells where they do not.

Source: Martin 1979 (range coding); Bamler 2022, arXiv 2201.01741 (the package `constriction`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING, Any
from zlib import crc32

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from dgmlang.compiler.diagnostics.codes import coding as codes
from dgmlang.compiler.diagnostics.codes import queries
from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.compiler.lower.domains import choices, stored
from dgmlang.compiler.lower.draw import order_of, walk_of
from dgmlang.compiler.lower.evaluate import evaluation
from dgmlang.compiler.lower.laws import apart, distribution
from dgmlang.compiler.lower.lowered import Lowered
from dgmlang.compiler.plan.answers import uncodable
from dgmlang.compiler.program import Program
from dgmlang.compiler.types.dims import numbers
from dgmlang.compiler.walk import past
from dgmlang.evaluate.conditions import condition
from dgmlang.objectives.objective import Params, Values

if TYPE_CHECKING:
    from dgmlang.fitted import Fitted

HEAD = struct.Struct("<4sIII")
"""`dgmc`, how many examples, a checksum of the parameters, and one of the data."""

Coder = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
"""(probabilities [m, levels], symbols [m] where they are known) → symbols [m]."""


def compressed(fitted: Fitted, data: Any) -> bytes:
    """See `Fitted.compress`."""
    coders = _constriction("compress")
    lowered, program = _codable(fitted)
    values, _ = fitted.inlet.values(program, data)
    n = len(next(iter(values.values())))
    encoder, family = coders.queue.RangeEncoder(), coders.model.Categorical(perfect=False)

    def encode(p: np.ndarray, known: np.ndarray | None) -> np.ndarray:
        assert known is not None
        encoder.encode(known, family, p)
        return known

    seen = {v.name: values[v.name] for v in program.having("given")}
    check = 0
    for name in lowered.built.directed:  # each after those that its law reads
        symbols = _as_symbols(lowered, name, values[name])
        _coded(lowered, name, fitted.raw, seen, n, encode, symbols)
        seen[name] = values[name]
        check = crc32(symbols.tobytes(), check)
    words = encoder.get_compressed().astype("<u4").tobytes()
    return HEAD.pack(b"dgmc", n, _fingerprint(fitted), check) + words


def decompressed(fitted: Fitted, code: bytes, given: Any) -> dict[str, np.ndarray]:
    """See `Fitted.decompress`."""
    coders = _constriction("decompress")
    lowered, program = _codable(fitted)
    if len(code) < HEAD.size or code[:4] != b"dgmc" or (len(code) - HEAD.size) % 4:
        raise DgmError(codes.not_a_code(len(code)))
    _, n, params, check = HEAD.unpack_from(code)
    if params != _fingerprint(fitted):
        raise DgmError(codes.code_of_another_model(program.name))
    words = np.frombuffer(code, "<u4", offset=HEAD.size).astype(np.uint32)
    decoder, family = coders.queue.RangeDecoder(words), coders.model.Categorical(perfect=False)

    def decode(p: np.ndarray, known: np.ndarray | None) -> np.ndarray:
        return decoder.decode(family, p)

    seen, found = dict(condition(fitted, given, n)), 0
    for name in lowered.built.directed:
        try:
            symbols = _coded(lowered, name, fitted.raw, seen, n, decode, None)
        except (AssertionError, ValueError):  # the package's, where the words make no sense
            raise DgmError(codes.damaged_code()) from None
        seen[name] = _as_values(lowered, name, symbols)
        found = crc32(symbols.tobytes(), found)
    if found != check:
        raise DgmError(codes.damaged_code())
    return {v.name: np.asarray(seen[v.name]) for v in program.having("data")}


def _coded(
    lowered: Lowered, name: str, params: Params, seen: Values, n: int, code: Coder,
    symbols: np.ndarray | None,
) -> np.ndarray:  # fmt: skip
    """The symbols [n, entries] of one variable, in the order in which they are coded."""
    if not past(lowered.built.law(name)):
        p = np.asarray(_at_once(lowered, name, n, params, seen), np.float64)
        known = None if symbols is None else symbols.reshape(-1)
        return code(p.reshape(-1, p.shape[-1]), known).reshape(n, -1).astype(np.int32)
    order = order_of(lowered.built, name)
    state = _start(lowered, name, n, params, seen)
    found = np.zeros((n, order.size), np.int32)
    for i, site in enumerate(order):
        at = np.int32(i)
        p, state = _read(lowered, name, n, params, seen, state, at)
        known = None if symbols is None else np.ascontiguousarray(symbols[:, site])
        found[:, site] = code(np.asarray(p, np.float64), known)
        state = _add(lowered, name, n, params, seen, state, at, found[:, site])
    return found


# ── probabilities ────────────────────────────────────────────────────────────────────────────────


@partial(jax.jit, static_argnums=(0, 1, 2))
def _at_once(lowered: Lowered, name: str, n: int, params: Params, seen: Values) -> Array:
    """The probabilities [n, entries, levels] of entries that are independent."""
    shape = numbers(lowered.program.variables[name].type.array_shape)
    levels = _levels(lowered, name)

    def one(seen: Values) -> Array:
        law = apart(lowered.built.law(name), evaluation(lowered.built, params, seen))
        logs = jax.vmap(lambda level: jnp.asarray(law.log_prob(jnp.full(shape, level))))(levels)
        return jax.nn.softmax(logs.reshape(levels.size, -1).T, axis=-1)

    return _each(one, n, seen)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _start(lowered: Lowered, name: str, n: int, params: Params, seen: Values) -> Any:
    return _each(lambda seen: walk_of(lowered.built, params, seen, name).walk.start, n, seen)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _read(
    lowered: Lowered, name: str, n: int, params: Params, seen: Values, state: Any, i: Array
) -> tuple[Array, Any]:
    """The probabilities [n, levels] of entry i of the order, and the states after reading it."""
    levels = _levels(lowered, name)

    def one(seen: Values, state: Any) -> tuple[Array, Any]:
        found = walk_of(lowered.built, params, seen, name)
        rows, state = found.walk.read(state, jax.tree.map(lambda a: a[i], found.walk.steps))
        law = distribution(found.entry, found.inside.injected(rows))
        logs = jax.vmap(lambda level: jnp.asarray(law.log_prob(level)))(levels)
        return jax.nn.softmax(logs), state

    return _each(one, n, seen, state)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _add(
    lowered: Lowered, name: str, n: int, params: Params, seen: Values, state: Any, i: Array,
    symbols: Array,
) -> Any:  # fmt: skip
    levels = _levels(lowered, name)

    def one(seen: Values, state: Any, symbol: Array) -> Any:
        walk = walk_of(lowered.built, params, seen, name).walk
        here = jax.tree.map(lambda a: a[i], walk.steps)
        return walk.add(state, here, levels[symbol])

    return _each(one, n, seen, state, symbols)


def _each(function: Callable[..., Any], n: int, seen: Values, *rest: Any) -> Any:
    """Of every example, of which there may be nothing that is seen."""
    if not seen and not rest:
        one = function({})
        return jax.tree.map(lambda a: jnp.broadcast_to(a, (n, *jnp.shape(a))), one)
    return jax.vmap(function, in_axes=(0 if seen else None, *(0 for _ in rest)))(seen, *rest)


def _levels(lowered: Lowered, name: str) -> Array:
    kind = lowered.program.variables[name].type.kind
    return stored(kind, np.array(choices(kind)))


# ── what can be coded ────────────────────────────────────────────────────────────────────────────


def _codable(fitted: Fitted) -> tuple[Lowered, Program]:
    """DGM0880 for a variable whose entries have no conditionals one after the other."""
    lowered, program = fitted.model.lowered, fitted.model.plan.program
    for variable, why in uncodable(program):
        raise DgmError(codes.no_code(variable.span, variable.name, why))
    return lowered, program


def _as_symbols(lowered: Lowered, name: str, values: Array) -> np.ndarray:
    levels = np.array(choices(lowered.program.variables[name].type.kind))
    flat = np.asarray(values).reshape(len(values), -1)
    return np.searchsorted(levels, flat).astype(np.int32)


def _as_values(lowered: Lowered, name: str, symbols: np.ndarray) -> Array:
    variable = lowered.program.variables[name]
    levels = np.array(choices(variable.type.kind))
    shape = (len(symbols), *numbers(variable.type.array_shape))
    assert symbols.size == prod(shape)
    return stored(variable.type.kind, levels[symbols].reshape(shape))


def _fingerprint(fitted: Fitted) -> int:
    """A checksum of the parameters that the probabilities rest on."""
    found = 0
    for leaf in jax.tree.leaves(fitted.raw):
        found = crc32(np.ascontiguousarray(leaf).tobytes(), found)
    return found


def _constriction(query: str) -> Any:
    try:
        return import_module("constriction").stream
    except ImportError:
        raise DgmError(queries.needs_package(query, "constriction", "compress")) from None
