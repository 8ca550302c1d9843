"""The page: the local Discord in a browser, served on the sandbox's own port."""
