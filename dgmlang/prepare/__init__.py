"""Transformations of data on their way in."""
