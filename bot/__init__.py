"""Kinora: a Discord bot that turns pictures and prompts into video."""
