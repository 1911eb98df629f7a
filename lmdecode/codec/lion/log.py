r"""Debug logs of pylamarzocco since 2.0 (May 2025), the library of Home Assistant: what the cloud answers and pushes.

    [pylamarzocco.clients._cloud] Request to https://lion.lamarzocco.io/api/customer-app/things/MR012345/dashboard …
    [pylamarzocco.clients._cloud] Response: {'serialNumber': 'MR012345', 'type': 'CoffeeMachine', …}
    [pylamarzocco.clients._cloud] Received websocket message: WSMessage(type=<WSMsgType.TEXT: 1>, data='MESSAGE\n…
    [pylamarzocco.clients._cloud] Error parsing websocket message: …. Message was: MESSAGE
    [pylamarzocco.devices._machine] Sending command set_power over cloud with params {'enabled': True, …}

The library writes after an answer has come, so the log has neither the time of a request nor its method and body. The
method follows from the path, since only commands are posted; what a command was to do is said by the line before it, in
the library's own words. These are kept beside the request, and the fields are read from them. Neither has the log what
the library itself sends to the WebSocket. A frame that could not be used is written a second time, with the reason; it
is one message all the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Final, Protocol
from urllib.parse import urlsplit

from lmdecode.codec.json_log import Entry, JsonLog, cut
from lmdecode.codec.lion.readings import command
from lmdecode.codec.log_literal import NoLiteralError, compact, read_literal
from lmdecode.codec.log_text import BREAK
from lmdecode.codec.record import Record
from lmdecode.codec.web import HttpRequest, HttpResponse, WebConversation

_HOST: Final = "lion.lamarzocco.io"
CLOUD: Final = f"{_HOST}:443"
"""The machine's end of the connection."""
_SIGN_IN_URL: Final = f"https://{_HOST}/api/customer-app/auth/signin"
_SIGN_IN_OLD, _SIGN_IN, _REQUEST, _ANSWER, _FRAME, _NO_MESSAGE, _WAS, _COMMAND = PHRASES = (
    "Request t auth endpoint ",  # so spelled
    "Request to auth endpoint ",
    "Request to ",
    "Response: ",
    "Received websocket message: ",
    "Non MESSAGE-type message: ",
    "Message was: ",
    "Sending command ",
)
_LOGGER: Final = re.compile(rb"\b(?:DEBUG|INFO|WARNING|ERROR)\b[^\n]{0,80}\bpylamarzocco\.clients\._cloud\b")
_URL: Final = re.compile(r"(https?://[^\s\v'\"<>|\\\[\]]+)")
_STATUS: Final = re.compile(r"failed with status code (\d{3})")
_DATA: Final = re.compile(r"WSMessage\w{0,20}\([^\v]{0,80}?data=(?=(['\"]))")
_FRAME_START: Final = re.compile(r"['\"]?(MESSAGE|CONNECTED|ERROR|RECEIPT|CONNECT|SUBSCRIBE|UNSUBSCRIBE|SEND)\b")
_RAW: Final = re.compile(
    r"(?:Received websocket message|Non MESSAGE-type message|Message was): (?:MESSAGE|CONNECTED|ERROR|RECEIPT)\s*\Z"
)
_HEADER: Final = re.compile(rf"([a-z][a-z-]{{1,40}}):([^\n{BREAK}]*)")
_HEADER_OF_ONE_LINE: Final = re.compile(r"([a-z][a-z-]{1,40}):(\S*)")
_PARAMS: Final = re.compile(r"[ \n]?([a-z_]{1,60}?) ?over ?cloud ?with ?params ?")
_PAGE: Final = re.compile(r"(?i)<html|doctype|could not be satisfied|request blocked")  # with its markup or without
_SINCE: Final = re.compile(rb'"brewingStartTime": ?(\d{13})')
_LAST_COFFEE: Final = re.compile(rb'"lastCoffee": ?(?:\{"time": ?(\d{13})|null)')
_WORDS: Final = {
    "enabled": "enabled",
    "target_temperature": "targetTemperature",
    "target_level": "targetLevel",
    "minutes": "minutes",
    "after": "after",
}
"""What the library calls the members of a command's body, which it sends for the first boiler."""
_MEMBER: Final = re.compile(r": '(\w{1,40})'")
"""The value of a member of an enumeration, as Python writes one: `<SteamTargetLevel.LEVEL_3: 'Level3'>`."""
_MOST_HEADERS: Final = 4000  # characters
_AGAIN_NS: Final = 1_000_000_000  # within which a frame that could not be used is written once more


def looks_like_log(start: bytes) -> bool:
    """Return True if a text has lines of such a log."""
    return _LOGGER.search(start) is not None


class _Amendable(WebConversation, Protocol):
    """What takes the messages, and lets a log say later what a request was about."""

    def amend(self, record: Record, number: int = 0) -> None:
        """Put a Record in the place of one that `request` returned."""


class Log(JsonLog):
    """What the log of one Home Assistant says of the cloud.

    Args:
        web: Takes the messages.
    """

    phrases: ClassVar = PHRASES
    words: ClassVar = (b"Response: ", b"Message was: ")
    nothing = (
        "is a log of pylamarzocco without a message in it; "
        "log on level debug: in Home Assistant's configuration, logger: logs: pylamarzocco: debug"
    )

    def __init__(self, web: _Amendable) -> None:
        super().__init__()
        self._web = web
        self._asked = ""
        self._command: dict[str, object] = {}
        self._last_frame: tuple[int, bytes] = (0, b"")
        self._last_coffee: bytes | None = None

    def is_whole(self, phrase: str, said: str) -> bool:
        """Return True if an entry is as it was written."""
        if phrase == _FRAME:
            data = _DATA.match(said)
            if data is None:
                return False
            try:
                found = read_literal(said, data.end())
            except NoLiteralError:
                return False
            return (
                not found.is_cut
                and isinstance(found.value, str)
                and "\n" in found.value
                and said[found.end : found.end + 1] in {",", ")"}
                and said.rstrip().endswith(")")
            )
        if phrase == _REQUEST:
            url = _URL.match(said)
            return url is not None and said[url.end() :].strip() == "successful"
        return phrase == _ANSWER and super().is_whole(phrase, said)

    def goes_on_in_lines(self, head: str) -> bool:
        """Return True if a STOMP frame begins at the end of a text."""
        return _RAW.search(head.rstrip()) is not None

    def take(self, entry: Entry) -> Sequence[Record] | None:
        """Return the messages in an entry."""
        if entry.phrase in {_SIGN_IN_OLD, _SIGN_IN}:
            return self._refused(entry, _SIGN_IN_URL)
        if entry.phrase == _REQUEST:
            return self._asking(entry)
        if entry.phrase == _COMMAND:
            return self._intent(entry)
        return self._answer(entry) if entry.phrase == _ANSWER else self._frame(entry)

    def _asking(self, entry: Entry) -> Sequence[Record] | None:
        said = entry.text.lstrip()
        url = _URL.match(said.removeprefix("endpoint").lstrip())
        if url is None or _HOST not in url[1]:
            return None
        if said.startswith("endpoint"):
            return self._refused(entry, url[1])
        self._asked = url[1].removesuffix("successful")  # a line may have been broken between them
        return []

    def _intent(self, entry: Entry) -> Sequence[Record] | None:
        said = _PARAMS.match(entry.text)
        if said is None:
            return None
        try:
            self._command = {said[1]: entry.literal(said.end()).value}
        except NoLiteralError:
            self._command = {said[1]: None}
        return []

    def _request(self, time_ns: int, url: str) -> Sequence[Record]:
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        is_command = "/command/" in path
        method = "POST" if is_command or "/auth/" in path else "GET"
        records = self._web.request(time_ns, HttpRequest(method, parts.hostname or _HOST, path))
        if is_command and self._command:
            asked = command(parts.path.rpartition("/")[2])(_body_of(next(iter(self._command.values()))))
            records = [
                each._replace(fields={**each.fields, **asked.fields}, extra={**each.extra, **self._command})
                for each in records
            ]
            for each in records:
                self._web.amend(each)
            self._command = {}
        return records

    def _answer(self, entry: Entry) -> Sequence[Record] | None:
        try:
            found = entry.literal()
        except NoLiteralError:
            return None
        if not isinstance(found.value, dict | list):
            return None
        url, self._asked = self._asked, ""
        problems = cut(found)
        asked: Sequence[Record] = ()
        if url:
            asked = self._request(entry.time_ns, url)
        body = compact(found.value).encode("utf-8", "replace")
        self._look_at_clock(entry.time_ns, body)
        records = self._web.response(entry.time_ns, HttpResponse(200, body=body, problems=problems))
        return [*asked, *(_without_pace(each) for each in records)]

    def _refused(self, entry: Entry, url: str) -> Sequence[Record] | None:
        status = _STATUS.search(entry.text[:2000])
        if status is None:
            return None
        asked = self._request(entry.time_ns, url)
        said = (
            entry.text[status.end() :]
            .lstrip(f". \n{BREAK}")
            .removeprefix("Full response:")
            .removeprefix("response:")
            .strip(f" \n{BREAK}")
        )
        kind = [("content-type", "text/html")] if _PAGE.search(said) else []
        body = said.encode("utf-8", "replace")
        records = self._web.response(entry.time_ns, HttpResponse(int(status[1]), kind, body))
        return [*asked, *(_without_pace(each) for each in records)]

    def _frame(self, entry: Entry) -> Sequence[Record] | None:
        data = _DATA.search(entry.text[:200])
        start = _FRAME_START.match(entry.text, 0 if data is None else data.end())
        if start is None:
            return None
        if entry.is_plain:
            frame, problems = _frame_of(entry.text, start)
        else:
            value = entry.literal(start.start()).value
            frame, problems = str(value).encode("utf-8", "surrogateescape"), ()
        time_ns, before = self._last_frame
        self._last_frame = entry.time_ns, frame
        if entry.phrase != _FRAME and frame == before and 0 <= entry.time_ns - time_ns <= _AGAIN_NS:
            return []
        self._look_at_clock(entry.time_ns, frame)
        return self._web.message(entry.time_ns, "machine", frame, problems=problems)

    def _look_at_clock(self, time_ns: int, body: bytes) -> None:
        """Compare the log's clock with moments that the machine tells, if they are just over."""
        if self.clock_ahead_ns is not None:
            return
        since = _SINCE.search(body)
        if since is not None and b'"Brewing"' in body:
            self.compare_clock(time_ns, int(since[1]))
        coffee = _LAST_COFFEE.search(body)
        if coffee is None:
            return
        if coffee[1] is not None and self._last_coffee is not None and coffee[1] != self._last_coffee:
            self.compare_clock(time_ns, int(coffee[1]))
        self._last_coffee = coffee[1] or b""


def _body_of(params: object) -> dict[str, object]:
    """Return what a command's body has, of what the library calls its parameters.

    >>> _body_of({"target_temperature": 94.0, "serial_number": "MR012345"})
    {'boilerIndex': 1, 'targetTemperature': 94.0}
    """
    if not isinstance(params, dict):
        return {}
    body: dict[str, object] = {"boilerIndex": 1}
    for name, value in params.items():
        if name in _WORDS:
            of_enumeration = _MEMBER.search(value) if isinstance(value, str) else None
            body[_WORDS[name]] = of_enumeration[1] if of_enumeration else value
    if isinstance(params.get("enabled"), bool):
        body["mode"] = "BrewingMode" if params["enabled"] else "StandBy"  # for the command that switches the machine
    return body


def _without_pace(record: Record) -> Record:
    """A Record without the seconds that an answer took, since the log has not when it was asked for."""
    return record._replace(elapsed=None)


def _frame_of(text: str, start: re.Match[str]) -> tuple[bytes, tuple[str, ...]]:
    """Return a STOMP frame as it was sent, as far as a text that was changed has it, and what is wrong with it."""
    body_at = min((at for at in (text.find("{", start.end()), text.find("[", start.end())) if at >= 0), default=-1)
    end = body_at if body_at >= 0 else len(text)
    head = text[start.end() : min(end, start.end() + _MOST_HEADERS)]
    pattern = _HEADER if BREAK in head.strip(BREAK) else _HEADER_OF_ONE_LINE
    headers = [(name, value.strip(" '\"")) for name, value in pattern.findall(head)]
    body = b""
    problems: tuple[str, ...] = ()
    if body_at >= 0:
        try:
            found = read_literal(text, body_at, is_plain=True)
            body, problems = compact(found.value).encode("utf-8", "replace"), cut(found)
        except NoLiteralError as error:
            body, problems = text[body_at:].encode("utf-8", "replace"), (f"the message {error}",)
    elif start[1] == "MESSAGE":
        problems = ("the log's line is cut off before the message",)
    said = "".join(f"{name}:{len(body) if name == 'content-length' else value}\n" for name, value in headers)
    return f"{start[1]}\n{said}\n".encode("utf-8", "replace") + body + b"\0", problems
