"""Measurements: one command each, each printing a table with the machine and the date."""
