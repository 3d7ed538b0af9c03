"""Activations by name: functions of arrays, entry by entry."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from dgmlang.registry import implements

implements("activation", "swish")(jax.nn.silu)
implements("activation", "tanh")(jnp.tanh)
implements("activation", "sigmoid")(jax.nn.sigmoid)
implements("activation", "softplus")(jax.nn.softplus)
implements("activation", "gelu")(jax.nn.gelu)
implements("activation", "elu")(jax.nn.elu)
implements("activation", "relu")(jax.nn.relu)
implements("activation", "leaky_relu")(jax.nn.leaky_relu)
