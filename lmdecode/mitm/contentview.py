"""The view of a machine's messages on mitmproxy's screens, with adapters for mitmproxy 11 and 12.

mitmproxy 12 has another interface for views than 11, and lets them be edited. Its classes need not be inherited from:
it accepts anything with a view's methods. Those of 11 must be, and importing them warns in 12, so that class is made
only when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from mitmproxy import contentviews, exceptions
from mitmproxy.flow import Flow
from mitmproxy.http import HTTPFlow

from lmdecode.capture.http.flow import Message, sender
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.v1.decoder import Decoder
from lmdecode.codec.v1.key import Key
from lmdecode.mitm.hooks import is_machine
from lmdecode.mitm.page import COMMENT, INDENT, Block, EditError, Transcript, blocks, page_text, reencoded
from lmdecode.mitm.web import Part, WebFlows

VIEW_NAME: Final = "lamarzocco"
"""The view of v1, whose messages can be edited."""
WEB_VIEW_NAME: Final = "lamarzocco-json"
"""The view of the other dialects: mitmproxy's own views edit JSON."""

_PRIORITY: Final = 2  # mitmproxy's own views have at most 1
_NOT_MINE: Final = -1

_api: Any = contentviews  # each version types it differently


class ViewError(exceptions.CommandError, ValueError):
    """The ValueError that a view raises; as a CommandError, the console shows it as one line."""


class Reader:
    """What both faces of the view share: the flows' transcripts, and the keys."""

    def __init__(self) -> None:
        self.port = 0
        self._machines: Sequence[MachineKey] = ()
        self._decoder: Decoder | None = None
        self._transcripts: WeakKeyDictionary[Flow, Transcript] = WeakKeyDictionary()

    def use(self, machines: Sequence[MachineKey], decoder: Decoder) -> None:
        """Read with these keys from now on; `decoder` has them all."""
        self._machines = machines
        self._decoder = decoder
        self._transcripts.clear()

    def priority(self, flow: Flow | None) -> int:
        """How fit the view is for a flow's messages; negative for all but those of a machine."""
        return _PRIORITY if self._decoder is not None and is_machine(flow, self.port) else _NOT_MINE

    def text(self, data: bytes, flow: Flow | None, message: Message | None) -> str:
        """A message decrypted.

        Raises:
            ViewError: It is none of a machine's, or there is no key.
        """
        return page_text(self._page(data, flow, message)[0])

    def bytes_of(self, text: str, data: bytes | None, flow: Flow | None, message: Message | None) -> bytes:
        """The bytes of an edited text.

        Raises:
            ViewError: It is no message, or was changed where it must not be.
        """
        page, transcript = self._page(data or b"", flow, message)
        try:
            return reencoded(text, page, "app" if message is None else sender(message), self._key(transcript))
        except EditError as error:
            raise ViewError(str(error)) from None

    def _page(self, data: bytes, flow: Flow | None, message: Message | None) -> tuple[list[Block], Transcript]:
        if self._decoder is None:
            raise ViewError("no key: nothing can be decrypted")
        if flow is None:
            transcript = Transcript(self._decoder)
            return blocks(transcript.page((), message or _Loose(from_client=True, content=data))), transcript
        if not is_machine(flow, self.port):
            raise ViewError(f"not a TCP connection to port {self.port}, which is the option lm_port")
        transcript = self._transcripts.get(flow) or Transcript(self._decoder)
        self._transcripts[flow] = transcript
        if message is None:
            message = next((each for each in flow.messages if each.content == data), None)
        return blocks(transcript.page(flow.messages, message or _Loose(from_client=True, content=data))), transcript

    def _key(self, transcript: Transcript) -> Key:
        keys = [each.key for each in self._machines if len(self._machines) == 1 or each.name == transcript.machine]
        if not keys:
            raise EditError(
                f"no message has been decrypted yet, so it is not known which of the {len(self._machines)} keys fits"
            )
        return keys[0]


class _Loose(NamedTuple):
    """A message of which nobody said where it belongs."""

    from_client: bool
    content: bytes
    timestamp: float = 0.0


class Metadata(Protocol):
    """What mitmproxy 12 says of the data; any of it may be missing."""

    flow: Flow | None
    tcp_message: Message | None
    http_message: Part | None
    websocket_message: Part | None
    original_data: bytes | None


class InteractiveView:
    """The view of mitmproxy 12 and later."""

    name = VIEW_NAME
    syntax_highlight = "yaml"

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def render_priority(self, data: bytes, metadata: Metadata) -> float:  # noqa: ARG002 -- mitmproxy's interface
        """How fit this view is for the data."""
        return self._reader.priority(metadata.flow)

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """The data decrypted."""
        return self._reader.text(data, metadata.flow, metadata.tcp_message)

    def reencode(self, prettified: str, metadata: Metadata) -> bytes:
        """The edited text, encrypted."""
        return self._reader.bytes_of(prettified, metadata.original_data, metadata.flow, metadata.tcp_message)

    def __lt__(self, other: object) -> bool:
        return self.name < str(getattr(other, "name", ""))


class WebView:
    """The view of HTTP and WebSocket in mitmproxy 12 and later."""

    name = WEB_VIEW_NAME
    syntax_highlight = "yaml"

    def __init__(self, flows: WebFlows) -> None:
        self._flows = flows

    def render_priority(self, data: bytes, metadata: Metadata) -> float:  # noqa: ARG002 -- mitmproxy's interface
        """How fit this view is for the data."""
        return _PRIORITY if self._flows.is_ours(metadata.flow) else _NOT_MINE

    def prettify(self, data: bytes, metadata: Metadata) -> str:  # noqa: ARG002 -- as above
        """What the message says, in names and units."""
        return _web_text(self._flows, metadata.flow, metadata.http_message or metadata.websocket_message)

    def __lt__(self, other: object) -> bool:
        return self.name < str(getattr(other, "name", ""))


def _web_text(flows: WebFlows, flow: Flow | None, part: Part | None) -> str:
    if not isinstance(flow, HTTPFlow) or part is None:
        raise ViewError("not an HTTP or WebSocket message")
    try:
        return flows.page(flow, part)
    except ValueError as error:
        raise ViewError(str(error)) from None


def _web_view_of_11(flows: WebFlows) -> object:
    """Returns the same for mitmproxy 11."""
    from mitmproxy.contentviews import base  # noqa: PLC0415 -- deprecated in 12 as soon as it is imported

    class WebViewOf11(base.View):
        """The view of HTTP and WebSocket in mitmproxy 11."""

        name = WEB_VIEW_NAME

        def __call__(
            self,
            data: bytes,  # noqa: ARG002 -- mitmproxy's interface
            *,
            flow: Flow | None = None,
            http_message: Part | None = None,
            websocket_message: Part | None = None,
            **_metadata: object,
        ) -> tuple[str, Iterator[list[tuple[str, str | bytes]]]]:
            """What the message says, in names and units."""
            return self.name, _styled(_web_text(flows, flow, http_message or websocket_message))

        def render_priority(self, data: bytes, *, flow: Flow | None = None, **_metadata: object) -> float:  # noqa: ARG002
            """How fit this view is for the data."""
            return _PRIORITY if flows.is_ours(flow) else _NOT_MINE

    return WebViewOf11()


def _read_only_view(reader: Reader) -> object:
    """Returns the view for mitmproxy 11, which cannot edit what a view shows."""
    from mitmproxy.contentviews import base  # noqa: PLC0415 -- deprecated in 12 as soon as it is imported

    class ReadOnlyView(base.View):
        """The view of mitmproxy 11."""

        name = VIEW_NAME

        def __call__(
            self, data: bytes, *, flow: Flow | None = None, tcp_message: Message | None = None, **_metadata: object
        ) -> tuple[str, Iterator[list[tuple[str, str | bytes]]]]:
            """The data decrypted."""
            return self.name, _styled(reader.text(data, flow, tcp_message))

        def render_priority(self, data: bytes, *, flow: Flow | None = None, **_metadata: object) -> float:  # noqa: ARG002
            """How fit this view is for the data."""
            return reader.priority(flow)

    return ReadOnlyView()


def _styled(text: str) -> Iterator[list[tuple[str, str | bytes]]]:
    for line in text.splitlines():
        name, colon, value = line.partition(": ")
        if line.startswith(INDENT) and colon:
            yield [("header", name + colon), ("text", value)]
        else:
            yield [("offset" if line.startswith(COMMENT) else "text", line)]


def add_views(reader: Reader, flows: WebFlows) -> None:
    """Add the views to mitmproxy, in the way of its version; in place of those that are there."""
    if hasattr(_api, "InteractiveContentview"):
        _api.add(InteractiveView(reader))
        _api.add(WebView(flows))
        return
    remove_views()
    _api.add(_read_only_view(reader))
    _api.add(_web_view_of_11(flows))


def remove_views() -> None:
    """Take the views away; mitmproxy 12 has no way to, and replaces them when they come again."""
    if not hasattr(_api, "InteractiveContentview"):
        for name in (VIEW_NAME, WEB_VIEW_NAME):
            old = _api.get(name)
            if old is not None:
                _api.remove(old)
