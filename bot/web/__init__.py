"""The web server: what providers and those who watch over the bot may ask of it."""
