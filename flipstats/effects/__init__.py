"""Arrays in, frozen results out: the statistics of comparisons, with no tables."""
