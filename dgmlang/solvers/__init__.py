"""Solvers of ordinary differential equations, for flows and for processes alike."""
