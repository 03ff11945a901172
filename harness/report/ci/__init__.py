"""A gate's findings where people look: console, Markdown, JUnit, annotations, benchmark services."""
