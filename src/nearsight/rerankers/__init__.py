"""Re-rankers: what happens to hits after the index has answered, one method a file."""
