"""Vocabularies: each learns visual words from descriptors and finds the words of others, one method a file."""
