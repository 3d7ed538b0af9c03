"""The compiler: from text to JAX functions."""
