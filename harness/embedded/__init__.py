"""The checkpoints that come with the tool, and the user cache in which they lie ready to load."""
