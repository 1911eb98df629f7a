"""What can be wrong with a capture file as a whole."""

from __future__ import annotations

from lmdecode.codec.errors import LmdecodeError

__all__ = ["CaptureError"]


class CaptureError(LmdecodeError):
    """A file that cannot be decoded. Its text is one line for the user: what is wrong, and what to do next."""
