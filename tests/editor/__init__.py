"""Tests of what editors and notebooks use."""
