"""City brain: what all stages share, and the only place that wires them together."""

__version__ = "0.1.0"
