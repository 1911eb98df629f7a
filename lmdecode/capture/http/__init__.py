"""Recorded HTTP: requests, answers and WebSocket messages out of archives and flows, with their encodings undone."""
