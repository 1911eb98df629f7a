"""A simulated machine with gateway v3: HTTP and a WebSocket on TCP port 8081."""
