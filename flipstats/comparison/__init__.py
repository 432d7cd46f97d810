"""Behind `flipstats.cohorts`: who is compared, by which method, and what may be said of it."""
