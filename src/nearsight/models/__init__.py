"""Models: their cards, where their files are found, that they are the right ones, and how they are downloaded."""
