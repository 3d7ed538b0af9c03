"""Laws, as NumPyro distributions."""
