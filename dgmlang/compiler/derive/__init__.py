"""Facts with witnesses, one rule a file."""
