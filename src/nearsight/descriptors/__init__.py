"""Descriptors: each turns images into rows, one method a file."""
