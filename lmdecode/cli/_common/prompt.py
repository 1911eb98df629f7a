"""Questions to the user, secrets from standard input, and values shown to be copied."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.echo import echo
from lmdecode.codec.printable import printable


def is_somebody_there() -> bool:
    """Returns True if standard input is a terminal, so that somebody can answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def asked(prompt: str, *, hidden: bool) -> str:
    """Returns what the user answers on the terminal.

    Raises:
        CommandError: The answer is not text.
    """
    try:
        return encodable(str(typer.prompt(prompt, hide_input=hidden, err=True)), f"the {prompt}")
    except UnicodeDecodeError:
        raise _no_text(f"the {prompt}") from None


def confirmed(question: str) -> bool:
    """Returns True if the user says yes. The question goes to stderr, so that stdout has only the output."""
    sys.stderr.write(f"{printable(question)} [y/N]: ")
    sys.stderr.flush()
    try:
        return line_from_stdin("the answer").strip().lower() in {"y", "yes"}
    except KeyboardInterrupt:
        sys.stderr.write("\n")  # so that what is said about it has a line of its own
        raise


def wants_password(path: Path, *, again: str) -> bool:
    """Returns True if the user wants the password of the cloud in the config; says so if there is nobody to ask.

    Args:
        path: The config.
        again: How to get it there the next time, for the message.
    """
    if is_somebody_there() and sys.stderr.isatty():
        return confirmed(
            f"Save the password too, in {path}, as text that only you can read? Only lmdecode login needs it, and asks "
            "for it otherwise"
        )
    echo(f"the password was not saved: lmdecode login asks for it; to save it, {again}", err=True)
    return False


def line_from_stdin(what: str) -> str:
    """Returns the first line of standard input without its line end; "" if there is no line.

    Args:
        what: The name of what is typed, for messages.

    Raises:
        CommandError: It is not text in the encoding of standard input.
    """
    if sys.stdin is None:
        return ""
    try:
        return encodable(sys.stdin.readline().rstrip("\r\n"), what)
    except UnicodeDecodeError:  # which would show the text
        raise _no_text(what) from None


def encodable(text: str, what: str) -> str:
    """Returns a text that can be encoded: without halves of characters, which no other program can read.

    Raises:
        CommandError: The text cannot be encoded.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _no_text(what) from None
    return text


def quoted(text: str) -> str:
    r"""Returns a value for the terminal: as JSON writes it if it has characters that a terminal obeys.

    So it can be told from a value that has a backslash, and copied.

    >>> quoted("hush"), quoted("\x1b[2J")
    ('hush', '"\\u001b[2J"')
    """
    return text if printable(text) == text else json.dumps(text)


def _no_text(what: str) -> CommandError:
    encoding = getattr(sys.stdin, "encoding", None) or "utf-8"
    return CommandError(f"{what} is not text in {encoding.upper()}: give it in that encoding")
