"""File formats of labelled and plain texts, one module each; every module here is found."""
