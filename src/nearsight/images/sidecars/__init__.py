"""Files that say something of pictures in words: JSON, CSV, XMP. Each format is one file; `read_transaction` chooses."""
