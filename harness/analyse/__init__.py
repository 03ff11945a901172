"""Records to rows, purely."""
