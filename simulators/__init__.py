"""A simulated city that misbehaves on purpose, the truth about it, and the scorer that compares."""
