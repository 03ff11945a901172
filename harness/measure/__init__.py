"""Clocks, memory, start-up and answers, measured."""
