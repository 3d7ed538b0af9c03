"""Tests of `dgm verify`."""
