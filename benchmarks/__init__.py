"""Speed and memory against the same work written by hand; README.md says what a number means."""
