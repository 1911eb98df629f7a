"""What the user types or pipes in, and texts of others, made fit for a terminal."""

from __future__ import annotations

import json
import sys

import typer

from lmdecode.app.errors import CommandError


def is_somebody_there() -> bool:
    """Whether standard input is a terminal, so that somebody can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def asked(prompt: str, *, hidden: bool) -> str:
    """What the user answers on the terminal.

    Raises:
        CommandError: It is not text.
    """
    try:
        return encodable(str(typer.prompt(prompt, hide_input=hidden, err=True)), f"the {prompt}")
    except UnicodeDecodeError:
        raise _no_text(f"the {prompt}") from None


def confirmed(question: str) -> bool:
    """Whether the user says yes. All of it goes to stderr, so that stdout has the command's output alone."""
    sys.stderr.write(f"{question} [y/N]: ")
    sys.stderr.flush()
    return line_from_stdin("the answer").strip().lower() in {"y", "yes"}


def line_from_stdin(what: str) -> str:
    """The first line of standard input without its end; empty if there is none.

    Args:
        what: It is, for messages.

    Raises:
        CommandError: It is not text, in the encoding that this computer has for it.
    """
    if sys.stdin is None:
        return ""
    try:
        return encodable(sys.stdin.readline().rstrip("\r\n"), what)
    except UnicodeDecodeError:  # which would show the text
        raise _no_text(what) from None


def encodable(text: str, what: str) -> str:
    """A text that is one: no stray half of a character, for which other programs have no bytes.

    Raises:
        CommandError: It is none.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _no_text(what) from None
    return text


def printable(text: str) -> str:
    r"""A text of somebody else's for the terminal: one with control characters as JSON writes it.

    >>> printable("hush"), printable("\x1b[2J")
    ('hush', '"\\u001b[2J"')
    """
    return text if text.isprintable() else json.dumps(text)


def _no_text(what: str) -> CommandError:
    encoding = getattr(sys.stdin, "encoding", None) or "utf-8"
    return CommandError(f"{what} is not text in {encoding.upper()}: give it in that encoding")
