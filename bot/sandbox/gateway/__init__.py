"""Discord's gateway: sessions, the sockets they come in on, compression."""
