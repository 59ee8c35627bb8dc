"""Copies among all images of a collection, or of two: candidates, comparison, groups."""
