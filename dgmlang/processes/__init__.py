"""Forward noising processes."""
