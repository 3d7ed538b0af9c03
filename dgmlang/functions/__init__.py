"""The functions and operators of the language on arrays."""
