"""Discord's REST API: a file for each kind of thing, and one that serves them."""
