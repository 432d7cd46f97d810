"""flipstats."""
