r"""Debug logs of lmcloud and pylamarzocco (since 2023): what the library writes by Bluetooth, and what is notified.

    [pylamarzocco.clients._bluetooth] Sending bluetooth message: b'machineMode\x00' to 0a0b7847-…
    [pylamarzocco.clients._bluetooth] Ignoring the replayed shot counter notification: bytearray(b'{"Sleep":"command"}')
    [pylamarzocco.clients._bluetooth] Shot counter received data: bytearray(b'{"BrewingUpdateGroup1Time":1.05}')

The library does not log what it reads: a question and a command have no answer in the log. Neither does pylamarzocco
log its token; lmcloud 0 logged its login, which is masked.

The first notification after a subscription repeats the last one. pylamarzocco 2.5.2 says so in its log. Before, the
first one after the line that it connects is taken for it; a log that begins later has none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Final

from lmdecode.codec.bluetooth.characteristics import COMMAND, NOTIFIED, OLD_SETTINGS, READ, SUFFIX
from lmdecode.codec.bluetooth.messages import Messages
from lmdecode.codec.json_log import Entry, JsonLog, cut
from lmdecode.codec.log_literal import NoLiteralError, compact, read_literal
from lmdecode.codec.record import Record

_SENDING, _RECEIVED, _REPLAYED, _CONNECTING, _SUBSCRIBED = PHRASES = (
    "Sending bluetooth message: ",
    "Shot counter received data: ",
    "Ignoring the replayed shot counter notification: ",
    "Connecting to Bluetooth device ",
    "Subscribed to shot counter on ",
)
_LOGGER: Final = re.compile(
    rb"\b(?:DEBUG|INFO|WARNING|ERROR)\b[^\n]{0,80}\b(?:pylamarzocco\.clients\._?bluetooth|lmcloud\.(?:client_|lm)bluetooth)\b"
)
_TO: Final = re.compile(rf"['\"]? ?to ?['\"]?([0-9a-f]{{4}}){SUFFIX}")
_NAME: Final = re.compile(r"\s*b?['\"]?([A-Za-z0-9+/=@]{1,600})")
_ENDED_BY_NUL: Final = frozenset((READ, COMMAND, OLD_SETTINGS))
_ON: Final = b"\1\0"


def looks_like_log(start: bytes) -> bool:
    """Return True if a text has lines of such a log."""
    return _LOGGER.search(start) is not None


class Log(JsonLog):
    """What the log of one Home Assistant says of a machine's Bluetooth.

    Args:
        messages: Makes the Records.
    """

    phrases: ClassVar = PHRASES
    words: ClassVar = (b"bluetooth message: ", b"hot counter ")
    nothing = (
        "is a log of pylamarzocco without a message in it; "
        "log on level debug: in Home Assistant's configuration, logger: logs: pylamarzocco: debug"
    )

    def __init__(self, messages: Messages) -> None:
        super().__init__()
        self._messages = messages
        self._expects_replay = False

    def is_whole(self, phrase: str, said: str) -> bool:
        """Return True if an entry is as it was written."""
        if phrase == _SENDING:
            try:
                found = read_literal(said)
            except NoLiteralError:
                return False
            to = _TO.match(said, found.end)
            return isinstance(found.value, bytes) and to is not None and not said[to.end() :].strip()
        if phrase in {_CONNECTING, _SUBSCRIBED}:
            return re.fullmatch(r"[\w:-]{4,64}\s*", said) is not None
        return super().is_whole(phrase, said)

    def take(self, entry: Entry) -> Sequence[Record] | None:
        """Return the messages in an entry."""
        if entry.phrase == _CONNECTING:
            self._expects_replay = True
            return []
        if entry.phrase == _SUBSCRIBED:
            return [self._messages.subscribed(entry.time_ns, NOTIFIED, _ON)]
        if entry.phrase == _SENDING:
            return self._sent(entry)
        is_replay, self._expects_replay = entry.phrase == _REPLAYED or self._expects_replay, False
        value, problems = _value(entry, len(entry.text))
        self._messages.expect(NOTIFIED, replay=is_replay)
        return [self._messages.notified(entry.time_ns, NOTIFIED, value, problems=problems)]

    def _sent(self, entry: Entry) -> Sequence[Record] | None:
        to = next(reversed([*_TO.finditer(entry.text)]), None)  # JSON before it may have the same words
        end = len(entry.text) if to is None else to.start()
        value, problems = _value(entry, end)
        if to is None:
            problems = (*problems, "the log's line is cut off before the characteristic that this was written to")
        name = "" if to is None else to[1]
        if name in _ENDED_BY_NUL:
            value = value.rstrip(b"\0") + b"\0"
        name = name or "unknown"
        return [self._messages.wrote(entry.time_ns, name, value, secret=to is None, problems=problems)]


def _value(entry: Entry, end: int) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes in an entry, and what is wrong with them."""
    if not entry.is_plain:
        value = entry.literal().value
        return (value if isinstance(value, bytes) else b""), ()
    text = entry.text[:end]
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
    if start < 0:
        name = _NAME.match(text)
        return (b"", ("the log's line is cut off",)) if name is None else (name[1].encode(), ())
    try:
        found = read_literal(text, start, is_plain=True)
    except NoLiteralError as error:
        return text[start:].encode("utf-8", "replace"), (f"the message {error}",)
    return compact(found.value).encode("utf-8", "replace"), cut(found)
