"""Texts, schemas and gold spans."""
