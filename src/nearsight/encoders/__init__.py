"""Encoders: each makes rows that an index can search of what was described, one method a file."""
