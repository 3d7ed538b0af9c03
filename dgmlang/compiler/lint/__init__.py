"""Warnings about programs that are well formed: only what is provable, and each can be waived."""
