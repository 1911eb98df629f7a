"""The command line: one module a command. Parses arguments, calls the rooms, prints."""
