"""The body of a request or an answer, by what its header says that it is: JSON, a form, or other text."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from lmdecode.codec.json_message import Document, document
from lmdecode.codec.secrets import masked, masked_form, masked_page, masked_with_holes

_JSON_STARTS: Final = frozenset('{["-0123456789')
_JSON_WORDS: Final = frozenset(("true", "false", "null"))
_MOST_NAMES: Final = 1000  # of a form; a login has six


def document_of(data: bytes | str, content_type: str = "", *, show_secrets: bool = False) -> Document:
    """Return a body as a document. It never raises.

    A form becomes an object of its names and values. Other text, like the page of a firewall, is an empty object: it
    is shown, and nothing in it is a value.

    Args:
        data: The body as it came.
        content_type: What the header says that it is; "" if it says nothing.
        show_secrets: Whether secrets stay readable.

    >>> document_of(b"username=a%40b.example&grant_type=password", "application/x-www-form-urlencoded").text
    'username=**&grant_type=password'
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return _form(data, show_secrets=show_secrets)
    if "json" in kind or _looks_like_json(data):
        return document(data, show_secrets=show_secrets)
    text, problems = _text(data)
    return Document({}, text if show_secrets else masked_page(text), problems)


def _looks_like_json(data: bytes | str) -> bool:
    start = data[:64].decode("utf-8", "replace") if isinstance(data, bytes) else data[:64]
    start = start.lstrip("\ufeff \t\r\n")
    return start[:1] in _JSON_STARTS or start.strip() in _JSON_WORDS


def _form(data: bytes | str, *, show_secrets: bool) -> Document:
    text, problems = _text(data)
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_NAMES)
    except ValueError:
        return Document(
            {}, text if show_secrets else masked_with_holes(text), (*problems, "the form has too many names")
        )
    if not show_secrets:
        return Document({} if "\0" in text else masked(dict(pairs)), masked_form(text), problems)
    return Document(dict(pairs), text, problems)


def _text(data: bytes | str) -> tuple[str, tuple[str, ...]]:
    if isinstance(data, str):
        return data, ()
    try:
        return data.decode(), ()
    except UnicodeDecodeError as error:
        return data.decode("utf-8", "replace"), (f"byte {error.start + 1} of the message is not UTF-8",)
