"""Records written one after another: a file for each format."""
