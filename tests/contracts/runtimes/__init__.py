"""One city in both runtimes, driven by hand: the same messages at the same times, and what the database holds at the end."""
