"""Shared by several commands: options, errors, questions, progress."""
