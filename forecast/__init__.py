"""Risks before they become faults: trends of readings and orders -> forecasts with evidence -> planned orders."""
