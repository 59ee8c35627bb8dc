"""What a collection serves besides search: one question a file."""
