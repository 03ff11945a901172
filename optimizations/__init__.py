"""One file, one function, one name: see `harness.plugin`."""
