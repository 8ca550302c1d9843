"""What the project is made of and what it gives away: `make audit`."""
