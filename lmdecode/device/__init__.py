"""A live machine: its client, its settings, scans of its memory, and its discovery on the network."""
