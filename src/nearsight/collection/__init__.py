"""The only part that knows the whole flow: catalogue, segments, ingest, search."""
