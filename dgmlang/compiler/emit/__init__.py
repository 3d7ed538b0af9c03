"""What the stages yield, for people to look at: as a tree, as LaTeX, as a picture of the graph."""
