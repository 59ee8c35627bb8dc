"""What is known of an image besides its pixels: words and facts, from its file, from sidecars and from its name."""
