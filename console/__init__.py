"""The HTTP side: the API for integrators and units, the live stream, health and metrics."""
