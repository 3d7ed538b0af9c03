"""Laws over the parameters: the program as a NumPyro model, chains, and averages over them."""
