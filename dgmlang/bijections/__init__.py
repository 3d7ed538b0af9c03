"""Bijections, as NumPyro transforms."""
