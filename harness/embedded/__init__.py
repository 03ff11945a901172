"""The checkpoints that come with the tool, and the user's cache that holds them ready to load."""
