"""A machine on gateway v3: its configuration over HTTP, and the stream that it pushes over a WebSocket."""
