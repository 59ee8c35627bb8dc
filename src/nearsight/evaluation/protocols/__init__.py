"""Readers of ground truth: one file for each family of data sets, `catalogue.py` for all by name."""
