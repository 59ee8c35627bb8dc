"""What `import nearsight` offers: a collection, indexing a folder, labels."""
