"""One family of indicators a file; `flipstats.metrics` is their public face."""
