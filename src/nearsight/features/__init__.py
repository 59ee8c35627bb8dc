"""Local features: each finds points in a picture and describes what is around them, one method a file."""
