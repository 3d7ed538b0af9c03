"""Kinds, shapes and the check."""
