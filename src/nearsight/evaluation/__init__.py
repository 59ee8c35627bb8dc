"""How good a search is: altered copies, ground truth, measures, and the runner that tries recipes."""
