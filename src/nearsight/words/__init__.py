"""Words of texts and of queries in any script: folding, tokens, and the syntax of what is asked."""
