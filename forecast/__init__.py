"""Quiet times: risks before they become faults. Trends of days to planned orders (see README.md)."""
