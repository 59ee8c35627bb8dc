"""Local features: each finds points in an image and describes what is around them, one method a file."""
