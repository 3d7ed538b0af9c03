"""The words of the diagnostics, one module a stage."""
