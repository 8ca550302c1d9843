"""The page on which motion is painted: its files, and what it says."""
