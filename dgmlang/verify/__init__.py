"""What was derived from a model, put to the test on a small instance of it: `dgm verify`."""
