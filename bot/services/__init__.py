"""What the bot can do; each service takes what it needs in its constructor."""
