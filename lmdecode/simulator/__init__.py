"""A machine made of software: a pure state machine, and the server that puts it on the network."""
