"""What Kinora is about, in plain Python: no Discord, HTTP, SQL, clock or randomness."""
