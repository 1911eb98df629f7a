"""One JSON document of a message: what it says in our names, and its text with the secrets masked."""

from __future__ import annotations

import json
from typing import NamedTuple

from lmdecode.codec.secrets import masked, masked_text


class Document(NamedTuple):
    """A JSON document, whole or damaged."""

    value: object
    """The JSON value, masked; None if there is none."""
    text: str
    """The text, masked. Nothing of it is left out, whatever is made of it."""
    problems: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it could be parsed."""
        return not self.problems


def document(data: bytes | str, *, show_secrets: bool = False) -> Document:
    """Return a JSON document of its bytes. It never raises.

    Args:
        data: The text as it came; what is no UTF-8 is replaced, and said.
        show_secrets: Whether secrets stay readable.

    >>> document(b'{"bleAuthToken": "01", "name": "MR1"}').text
    '{"bleAuthToken":"**","name":"MR1"}'
    """
    problems: tuple[str, ...] = ()
    if isinstance(data, str):
        text = data
    else:
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            text = data.decode("utf-8", "replace")
            problems = (f"byte {error.start + 1} of the message is no UTF-8",)
    try:
        value = json.loads(text)
    except RecursionError:
        return Document(None, text if show_secrets else masked_text(text), (*problems, "the JSON is nested too deeply"))
    except ValueError as error:
        at = getattr(error, "pos", len(text))
        what = "the JSON is cut off" if at >= len(text.rstrip()) else f"the JSON is damaged at character {at + 1}"
        return Document(None, text if show_secrets else masked_text(text), (*problems, what))
    if show_secrets:
        return Document(value, text, problems)
    hidden = masked(value)
    # What has no secret stays as it came: blanks, and how its numbers are written.
    whole = text if hidden == value else json.dumps(hidden, separators=(",", ":"), ensure_ascii=False)
    return Document(hidden, whole, problems)
