"""What a GPU has to show, in slices of some minutes."""
