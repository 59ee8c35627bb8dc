"""What image files hold besides pixels: EXIF, IPTC, the texts of a PNG, and where each format keeps its XMP."""
