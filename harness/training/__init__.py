"""How the embedded checkpoint and its data are made."""
