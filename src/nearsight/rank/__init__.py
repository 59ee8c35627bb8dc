"""Refiners: what happens to hits after the index has answered."""
