"""One handler for each command; each module ends in its table."""
