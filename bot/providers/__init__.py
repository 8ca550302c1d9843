"""The services that make videos, one API a file."""
