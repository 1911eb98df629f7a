"""Random and damaged input for everything in lmdecode that parses; `make fuzz` runs it until it is stopped."""
