"""Indexes: each finds the rows nearest to a query, one method a file."""
