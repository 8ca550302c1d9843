"""Kinora: a Discord bot that turns pictures and prompts into video."""

VERSION = "0.1.0"
