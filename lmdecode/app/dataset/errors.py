"""What can be wrong with a dataset as a whole, and with where it is."""

from __future__ import annotations

from lmdecode.app.errors import CommandError


class DatasetError(CommandError):
    """A dataset cannot be read or written: one line that says why and what to do next."""
