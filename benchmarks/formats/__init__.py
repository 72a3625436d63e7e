"""How long many small files, and large tables, take to read."""
