"""From a folder to pixels: walk, gate, decode in isolated workers, metadata and thumbnails."""
