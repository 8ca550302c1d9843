"""What there is in the local Discord: people, guilds, channels, messages, applications, interactions."""
