"""The simulated machine on gateway v3: HTTP and a WebSocket."""
