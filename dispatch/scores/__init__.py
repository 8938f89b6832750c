"""Figures of the work, by published formulas, from the ledger and nothing else."""
