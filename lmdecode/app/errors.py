"""Errors in what a user asked for; each is one line that says what is wrong and what to do next."""

from __future__ import annotations

from lmdecode.codec.errors import LmdecodeError


class CommandError(LmdecodeError):
    """An error of the user's input: one line that says what is wrong and what to do next."""


class UsageError(CommandError):
    """A request that cannot be meant, as it is written or for the files that it names. Nothing was tried."""

    exit_code = 2
