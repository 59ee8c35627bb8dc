"""Isolated worker processes with limits on time and memory, for whoever needs them."""
