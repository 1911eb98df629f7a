"""A machine that speaks v1: reads and writes of its memory."""
