"""Export files to checked tables, one file per source system."""
