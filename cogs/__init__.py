"""The command groups, one a file: each translates between Discord and one service."""
