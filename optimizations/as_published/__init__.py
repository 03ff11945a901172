"""The guide's six steps as its listings have them, to be measured beside the same steps done right."""
