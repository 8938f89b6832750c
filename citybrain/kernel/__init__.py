"""PURE: the model, events, ids, times, calendar and errors. Standard library only; no clock, no I/O."""
