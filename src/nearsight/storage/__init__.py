"""The storage engine: catalogue, segments, indexes, snapshots, integrity. It knows no query and walks no folder."""
