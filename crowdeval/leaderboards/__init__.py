"""Reports and published numbers, ranked where they may be compared."""
