"""Searches combinations and their parameters under constraints."""
