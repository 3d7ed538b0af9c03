"""What the examples reach when they are trained."""
