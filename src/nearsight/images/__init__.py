"""From a folder to pixels: walk, validate, decode, metadata and thumbnails."""
