"""What the compiler says: data, words and drawing apart."""
