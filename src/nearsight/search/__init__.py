"""From a query to hits: the query as vectors, candidates of the index, re-ranking, reasons."""
