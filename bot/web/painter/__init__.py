"""The page of the painter: its files, and its words."""
