"""File formats of labelled and plain texts, one module each, found by being there."""
