"""Training: data, the loop, checkpoints, progress."""
