"""Alerts -> cases -> work orders: who repairs it, by when, and what becomes of it."""
