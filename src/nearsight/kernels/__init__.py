"""Kernels: each measures how alike the visual words of two pictures are, one method a file."""
