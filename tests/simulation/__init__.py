"""Made-up runs, and how often the statistics are right about them."""
