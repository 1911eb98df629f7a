"""JSON messages as people quote them: a text of the WebSocket, a STOMP frame, a widget, a notification, a dict."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from lmdecode.codec.errors import MessageError
from lmdecode.codec.json_message import document
from lmdecode.codec.log_literal import NoLiteralError, read_literal
from lmdecode.codec.secrets import is_secret, masked, masked_text
from lmdecode.codec.stomp import COMMANDS, Frame, Stomp
from lmdecode.codec.vocabulary import FORMS, SOURCES, Part, likely_source, parts

_COMMAND: Final = re.compile(rf"\s*(?:{'|'.join(sorted(COMMANDS))})(?:\r?\n|\\n)")
_MASK: Final = "**"


class Section(NamedTuple):
    """One document of a message, and each place in it."""

    source: str
    """The vocabulary's source that describes it."""
    parts: tuple[Part, ...]

    @property
    def form(self) -> str:
        """What documents of this kind are, in words."""
        return FORMS[self.source]

    @property
    def generations(self) -> tuple[str, ...]:
        """The dialects that have such documents."""
        return SOURCES[self.source]


class QuotedJson(NamedTuple):
    """A JSON message that was quoted, and what is in it."""

    text: str
    """The message, without the secrets in it."""
    headers: tuple[tuple[str, str], ...]
    """Those of a STOMP frame, its command first, with an empty name."""
    sections: tuple[Section, ...]
    problems: tuple[str, ...]


def looks_like_json(given: str) -> bool:
    """Return whether a text is JSON, a Python dict or a STOMP frame, and so no message of v1.

    >>> looks_like_json('{"TankStatus": "full"}'), looks_like_json("R40000020D8")
    (True, False)
    """
    return given.lstrip()[:1] in {"{", "["} or _COMMAND.match(given) is not None


def read_json(given: str, *, show_secrets: bool = False) -> QuotedJson:
    """Return what is in a JSON message.

    Args:
        given: The text.
        show_secrets: Whether secrets stay readable.

    Raises:
        MessageError: It is a STOMP frame without JSON, or there is no value in it at all.
    """
    headers: tuple[tuple[str, str], ...] = ()
    said: tuple[str, ...] = ()
    body = given
    if _COMMAND.match(given):
        frame = _frame(given)
        headers = (("", frame.command), *frame.headers)
        if not show_secrets:
            headers = tuple((name, _MASK if is_secret(name) else value) for name, value in headers)
        body = frame.body.decode("utf-8", "replace")
        said = tuple(each for each in frame.problems if each and "NUL" not in each)  # which no shell can pass on
        if not body.strip():
            return QuotedJson(given if show_secrets else masked_text(given), headers, (), said)
    value, text, problems = _value(body, show_secrets=show_secrets)
    if value is None:
        raise MessageError(f"the text is no JSON: {'; '.join(problems) or 'null'}; give all of it, in single quotes")
    sections = tuple(Section(source, tuple(parts(source, each))) for source, each in _documents(value))
    return QuotedJson(text, headers, sections, (*said, *problems))


def _frame(given: str) -> Frame:
    text = given.lstrip()
    if "\n" not in text.partition("{")[0]:  # typed with escapes
        text = text.replace("\\r\\n", "\n").replace("\\n", "\n")
    text = text.replace("^@", "\0").replace("\\u0000", "\0").replace("\\0", "\0").replace("\\x00", "\0")
    stomp = Stomp()
    frames = [*stomp.receive(text.encode("utf-8", "replace")), *stomp.close("")]
    if not frames:
        raise MessageError("the STOMP frame has no empty line behind its headers: give all of it, in single quotes")
    return frames[0]


def _value(body: str, *, show_secrets: bool) -> tuple[object, str, tuple[str, ...]]:
    found = document(body.strip().removesuffix("\0"), show_secrets=show_secrets)
    if found.value is not None or found.is_whole:
        return found.value, found.text, found.problems
    try:
        read = read_literal(body.strip())  # as Python prints it, in a log
    except NoLiteralError:
        return None, found.text, found.problems
    value = read.value if show_secrets else masked(read.value)
    return value or None, str(value), ("the text is cut off",) if read.is_cut else ()


def _documents(value: object) -> Iterator[tuple[str, object]]:
    """Yield the documents in a message, each with the vocabulary's source that describes it."""
    if isinstance(value, Mapping):
        if isinstance(value.get("code"), str) and "output" in value:
            value = {value["code"]: value["output"]}
        elif value.keys() == {"name", "parameter"} and isinstance(value["name"], str):
            yield "write", {value["name"]: [value["parameter"]]}
            return
        elif isinstance(value.get("widgets"), list):
            shown = {
                each["code"]: each["output"]
                for each in value["widgets"]
                if isinstance(each, dict) and isinstance(each.get("code"), str) and "output" in each
            }
            yield "widget", shown
            rest = {name: each for name, each in value.items() if name not in {"widgets", "removedWidgets"}}
            yield likely_source(rest, ("push", "thing", "scheduling")), rest
            return
    yield likely_source(value), value
