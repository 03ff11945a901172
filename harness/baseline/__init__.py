"""The extractor that every combination starts from."""
