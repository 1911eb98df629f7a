"""The screen of `lmdecode watch`."""
