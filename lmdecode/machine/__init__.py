"""A live machine: a client for it, and a machine made of software."""
