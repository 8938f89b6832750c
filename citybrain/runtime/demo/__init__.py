"""`citybrain demo`: a simulated city played into a real one, and how well it was looked after."""
