"""The same work in plain JAX, as carefully as one would who has only this to write."""
