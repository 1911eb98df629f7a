"""The view's face for mitmproxy 11, which cannot edit what a view shows."""

from __future__ import annotations

from collections.abc import Iterator

from mitmproxy.contentviews.base import View
from mitmproxy.flow import Flow

from lmdecode.mitm.contentview import VIEW_NAME, Reader
from lmdecode.mitm.hooks import Message
from lmdecode.mitm.page import COMMENT, INDENT


class ReadOnlyView(View):
    """The view of mitmproxy 11."""

    name = VIEW_NAME

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __call__(
        self, data: bytes, *, flow: Flow | None = None, tcp_message: Message | None = None, **_metadata: object
    ) -> tuple[str, Iterator[list[tuple[str, str | bytes]]]]:
        """The data decrypted."""
        return self.name, _styled(self._reader.text(data, flow, tcp_message))

    def render_priority(self, data: bytes, *, flow: Flow | None = None, **_metadata: object) -> float:  # noqa: ARG002
        """How fit this view is for the data."""
        return self._reader.priority(flow)


def _styled(text: str) -> Iterator[list[tuple[str, str | bytes]]]:
    for line in text.splitlines():
        name, colon, value = line.partition(": ")
        if line.startswith(INDENT) and colon:
            yield [("header", name + colon), ("text", value)]
        else:
            yield [("offset" if line.startswith(COMMENT) else "text", line)]
