"""The parts that charts are drawn with."""
