"""From program and plan to JAX functions; the only folder of the compiler that imports JAX."""
