"""Kernels: each measures how alike the visual words of two images are, one method a file."""
