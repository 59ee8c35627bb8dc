"""From a folder to storage: what changed, reading it, describing it, training encoders, committing."""
