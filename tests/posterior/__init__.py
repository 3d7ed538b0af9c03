"""Posteriors over parameters."""
