"""A gate's findings where people look: console, summaries, annotations; the committed baselines in words."""
