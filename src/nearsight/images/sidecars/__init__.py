"""Files that say something of images in words: JSON, CSV, XMP. Each format is one file; `read_transaction` chooses."""
