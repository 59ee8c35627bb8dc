"""Metrics: each measures how far rows are apart, one method a file."""
