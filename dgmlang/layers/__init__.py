"""Layers: functions with parameters."""
