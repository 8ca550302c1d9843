"""What bots and people do alike: write, edit, open threads, answer interactions."""
