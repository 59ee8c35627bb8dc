"""Thin verbs: each parses, calls one library function, prints."""
