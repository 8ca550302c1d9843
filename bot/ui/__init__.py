"""Discord without commands: cards, views, words for errors, and the publisher."""
