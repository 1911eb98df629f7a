"""The errors of keys, frames, messages and values.

Every function of the codec raises a `CodecError` or nothing. The text of each is one line that can be shown to a user
as it is, and never holds a key.
"""

from __future__ import annotations


class LmdecodeError(Exception):
    """The base class of all errors for users: one line that says what is wrong and what to do."""

    exit_code = 1
    """Of a command that ends with it."""


class CodecError(LmdecodeError, ValueError):
    """The base of all errors of the codec."""


class KeyFormatError(CodecError):
    """A text that is not a key."""


class FrameError(CodecError):
    """A frame whose body is not base64, or not whole cipher blocks."""


class MessageError(CodecError):
    """A plaintext that is not a message, or a message that cannot be built."""

    exit_code = 2


class RegisterError(CodecError):
    """A name that is not on the memory map, or a value that its register does not take."""

    exit_code = 2


class MissingPackageError(LmdecodeError, ImportError):
    """An optional package is not installed; one line that says how to install it."""
