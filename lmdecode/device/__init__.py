"""A live machine: a client for it, its settings, scans, and how it is found."""
