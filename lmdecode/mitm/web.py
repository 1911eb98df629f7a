"""What flows of HTTP with a machine, or with the maker's cloud, say: as Records, and as a page for mitmproxy's screens.

A flow is ours if a dialect serves its address. Of the maker's hosts that is believed only where mitmproxy has compared
the name with the server's certificate; a machine of v3 is in the owner's own network and speaks in plain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final
from weakref import WeakKeyDictionary

from mitmproxy.flow import Flow
from mitmproxy.http import HTTPFlow
from mitmproxy.http import Message as HttpMessage
from mitmproxy.websocket import WebSocketMessage

from lmdecode.capture.http.flow import host_port, nanoseconds, verified_host
from lmdecode.codec.dialect import OwnerAccess, Place, Tallies
from lmdecode.codec.printable import printable
from lmdecode.codec.record import Record, Sender
from lmdecode.codec.speakers import Speakers, is_cloud
from lmdecode.codec.web import HttpRequest, HttpResponse, WebConversation
from lmdecode.render.sentence import json_text, value_text, verb_and_object

Part = HttpMessage | WebSocketMessage
"""A request, an answer, or a message of a WebSocket."""

_INDENT: Final = "  "


class WebFlows:
    """Reads flows of HTTP. What depends on the messages before, as the cloud's snapshots do, is read in their order.

    Args:
        show_secrets: Whether secrets stay readable.
    """

    def __init__(self, *, show_secrets: bool = False) -> None:
        self._speakers = Speakers.open(OwnerAccess(show_secrets=show_secrets))
        self._transcripts: WeakKeyDictionary[Flow, _Transcript] = WeakKeyDictionary()

    def show_secrets(self, *, shown: bool) -> None:
        """Read with secrets shown, or masked, from here on."""
        self._speakers = Speakers.open(OwnerAccess(show_secrets=shown))
        self._transcripts.clear()

    def is_ours(self, flow: Flow | None) -> bool:
        """Return whether a flow is with a machine or the maker's cloud. Looks at nothing but the addresses in it."""
        return self.host_of(flow) is not None

    def host_of(self, flow: Flow | None) -> str | None:
        """Return the host that a flow is with, if it is ours."""
        if not isinstance(flow, HTTPFlow):
            return None
        host = verified_host(flow)
        if host is not None:
            return host
        request = flow.request
        name = request.host.lower()
        if request.scheme != "http" or is_cloud(name):
            return None
        return None if self._speakers.serving(name, request.port, request.path) is None else name

    def records(self, flow: HTTPFlow, part: Part) -> Sequence[Record]:
        """Return what one part of a flow says; nothing if the flow is not ours."""
        transcript = self._transcripts.get(flow)
        if transcript is None:
            host = self.host_of(flow)
            if host is None:
                return ()
            transcript = self._transcripts[flow] = _Transcript(self.opener(flow, host))
        return transcript.records(flow, part)

    def opener(self, flow: HTTPFlow, host: str, stream: int = 0) -> Callable[[], WebConversation | None]:
        """Return what makes the conversation of a flow with a host.

        Args:
            flow: The flow.
            host: As `host_of` returns it.
            stream: The number for its Records.
        """
        port, path = flow.request.port, flow.request.path
        place = Place(stream, host_port(flow.client_conn.peername, "app"), f"{host}:{port}")
        return lambda: self._speakers.web(host, port, path, place, Tallies())

    def page(self, flow: HTTPFlow, part: Part) -> str:
        """Return what one part of a flow says as text.

        Raises:
            ValueError: The flow is not ours, or the part says nothing.
        """
        records = self.records(flow, part)
        if not records:
            raise ValueError("not a message of a machine or of its maker's cloud")
        return "\n".join(line for record in records for line in _lines(record))


def parts_of(flow: HTTPFlow) -> Iterator[Part]:
    """Yield the parts that a flow has so far, in their order."""
    yield flow.request
    if flow.response is not None:
        yield flow.response
    if flow.websocket is not None:
        yield from flow.websocket.messages


def told(conversation: WebConversation, flow: HTTPFlow, part: Part, number: int = 0) -> Sequence[Record]:
    """Tell a conversation one part of a flow. Returns the Records that come of it.

    Args:
        conversation: The flow's.
        flow: The flow.
        part: The part.
        number: Of the exchange on the conversation.
    """
    if isinstance(part, WebSocketMessage):
        who: Sender = "app" if part.from_client else "machine"
        return conversation.message(nanoseconds(part.timestamp), who, part.content, is_text=part.is_text)
    body, problems = _body(part)
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in part.headers.fields]
    if part is flow.request:
        request = flow.request
        asked = HttpRequest(request.method, request.host.lower(), request.path, headers, body or b"", problems)
        return conversation.request(nanoseconds(part.timestamp_start), asked, number)
    answer = flow.response
    status = 0 if answer is None else answer.status_code
    when = part.timestamp_end or part.timestamp_start
    return conversation.response(nanoseconds(when), HttpResponse(status, headers, body, problems), number)


def _body(part: HttpMessage) -> tuple[bytes | None, tuple[str, ...]]:
    if part.raw_content is None:
        return None, ("mitmproxy did not keep the body",)
    try:
        return part.get_content(), ()
    except ValueError:
        encoding = part.headers.get("content-encoding", "")
        return b"", (f"the body cannot be decoded as {printable(encoding)[:40]}",)


class _Transcript:
    """Reads the parts of a flow as they come, each once, unless one was changed since."""

    def __init__(self, opens: Callable[[], WebConversation | None]) -> None:
        self._open = opens
        self._start()

    def _start(self) -> None:
        self._conversation = self._open()
        self._read: dict[int, tuple[Part, bytes | None, Sequence[Record]]] = {}

    def records(self, flow: HTTPFlow, part: Part) -> Sequence[Record]:
        if part is not flow.request and self._changed(flow.request):
            self._start()
        if self._changed(part):
            self._start()
        for each in parts_of(flow):
            if id(each) not in self._read and self._conversation is not None:
                said = told(self._conversation, flow, each)
                self._read[id(each)] = each, _content(each), said
            if each is part:
                break
        found = self._read.get(id(part))
        return () if found is None else found[2]

    def _changed(self, part: Part) -> bool:
        known = self._read.get(id(part))
        return known is not None and known[1] != _content(part)


def _content(part: Part) -> bytes | None:
    return part.content if isinstance(part, WebSocketMessage) else part.raw_content


def _lines(record: Record) -> Iterator[str]:
    verb, what = verb_and_object(record)
    yield f"# {record.sender} {' '.join(filter(None, (verb, what)))}"
    for name, value in record.fields.items():
        yield f"{_INDENT}{name}: {value_text(name, value)}"
    for name, other in record.extra.items():
        yield f"{_INDENT}{printable(name)}: {printable(json_text(other))}"
    if not record.fields and not record.extra and record.plaintext:
        yield f"{_INDENT}{printable(record.plaintext)}"
    for problem in record.problems:
        yield f"! {printable(problem)}"
