"""The harness measured by itself: what it must not see, what it must find, and what this machine can resolve."""
