"""CI gates: this code against another revision's, or against a committed baseline."""
