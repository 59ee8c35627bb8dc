"""Descriptors: each turns pictures into rows, one method a file."""
