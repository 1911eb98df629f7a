"""One JSON document of a message: what it says, and its text with the secrets masked."""

from __future__ import annotations

import json
from typing import NamedTuple

from lmdecode.codec.json_text import parsed
from lmdecode.codec.secret_text import is_plain_json
from lmdecode.codec.secrets import masked, masked_with_holes


class Document(NamedTuple):
    """A JSON document, whole or damaged."""

    value: object
    """The JSON value, masked; of a damaged text what stands before the damage; None if there is none."""
    text: str
    """The text, masked. Nothing of it is left out, whatever is made of it."""
    problems: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.problems


def document(data: bytes | str, *, show_secrets: bool = False) -> Document:
    """Return a JSON document of its bytes. It never raises.

    Args:
        data: The text as it came; what is not UTF-8 is replaced, and said. A mark of the order of bytes before it is
            left out, and so are the NUL bytes behind it, with which Bluetooth ends a text.
        show_secrets: Whether secrets stay readable.

    >>> document(b'{"bleAuthToken": "01", "name": "MR1"}').text
    '{"bleAuthToken":"**","name":"MR1"}'
    >>> document(b'{"name": "MR1", "target": 93.').value
    {'name': 'MR1'}
    """
    text, problems = _as_text(data)
    head, nul, rest = text.partition("\0")
    if nul:
        problems += (f"{len(rest)} characters follow the NUL that ends the text",)
    found = parsed(head)
    if found.problem:
        problems += (found.problem,)
    if show_secrets:
        return Document(found.value, text, problems)
    if found.is_exact and not nul and is_plain_json(head):
        return Document(found.value, text, problems)
    try:
        hidden = masked(found.value)
        if nul or not found.is_exact:
            return Document(hidden, masked_with_holes(text), problems)
        # What has no secret stays as it came: blanks, and how its numbers are written.
        whole = text if hidden == found.value else json.dumps(hidden, separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        return Document(None, masked_with_holes(text), (*problems, "a text in the JSON is nested too deeply"))
    return Document(hidden, whole, problems)


def _as_text(data: bytes | str) -> tuple[str, tuple[str, ...]]:
    problems: tuple[str, ...] = ()
    if isinstance(data, str):
        text = data if data.isascii() else data.encode("utf-8", "replace").decode()
    else:
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            text = data.decode("utf-8", "replace")
            problems = (f"byte {error.start + 1} of the message is not UTF-8",)
    return text.removeprefix("\ufeff").rstrip("\0"), problems
