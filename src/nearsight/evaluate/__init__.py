"""How good a search is: altered copies to look for, and the measures of what was found."""
