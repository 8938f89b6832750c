"""What each kind of device measures when nothing is wrong: one module a kind, each `shape` (how it is built) and `sample`."""
