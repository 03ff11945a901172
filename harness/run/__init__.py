"""Cells to records: every measurement in a fresh pair of processes."""
