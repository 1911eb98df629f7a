"""What can be said about many Records together. Pure: no files, no clock."""
