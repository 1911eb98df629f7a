"""Analysis of many Records together. Pure: no files, no clock."""
