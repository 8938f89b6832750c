"""Readings in, alert events out: detectors, episodes, rulebook."""
