"""From a folder to storage: finding changes, decoding, describing, training encoders, committing."""
