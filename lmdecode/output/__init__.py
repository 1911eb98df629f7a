"""Records on their way out: a table for people, JSON Lines for programs."""
