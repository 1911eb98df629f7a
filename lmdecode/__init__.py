"""Understand and drive the local network protocol of La Marzocco home espresso machines."""

__version__ = "0.1.0"
