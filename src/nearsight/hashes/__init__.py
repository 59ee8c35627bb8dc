"""Hashes: descriptors whose vectors are strings of bits or bytes, one method a file."""
