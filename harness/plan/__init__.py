"""From a suite file to cells, without importing torch."""
