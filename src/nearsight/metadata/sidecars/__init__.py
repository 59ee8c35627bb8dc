"""Sidecars: files with captions and tags of images, as JSON, CSV or XMP. Each format is one module of `formats`."""
