"""mitmproxy's HTTP flows as exchanges: live ones and saved ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from mitmproxy.exceptions import FlowReadException
from mitmproxy.http import Headers, HTTPFlow
from mitmproxy.io import FlowReader

from lmdecode.cloud.endpoints import is_watched
from lmdecode.cloud.http import Exchange, Request, Response
from lmdecode.codec.errors import LmdecodeError


class SavedFlowsError(LmdecodeError):
    """A file of saved flows that cannot be read to its end; one line."""


def watched_host(flow: HTTPFlow) -> str | None:
    """Which of the maker's hosts a flow is with, if it is one. Looks at nothing but the names in it.

    A transparent proxy is given an address only, and has the name from the Host header.
    """
    return next((name for name in (flow.request.host, flow.request.pretty_host) if is_watched(name)), None)


def exchange(flow: HTTPFlow) -> Exchange | None:
    """A flow with one of the maker's hosts; of others nothing is read."""
    host = watched_host(flow)
    if host is None:
        return None
    asked, answer = flow.request, flow.response
    request = Request(asked.method, host, asked.path, _headers(asked.headers), asked.raw_content or b"")
    if answer is None:
        return Exchange(request, None)
    moment = answer.timestamp_end or answer.timestamp_start
    response = Response(answer.status_code, _headers(answer.headers), answer.raw_content)
    return Exchange(request, response, datetime.fromtimestamp(moment, UTC) if moment else None)


def read_saved(file: BinaryIO) -> Iterator[Exchange]:
    """The exchanges with the maker's hosts among saved flows.

    Raises:
        SavedFlowsError: After the last that can be read, if the file is damaged or cut short.
    """
    count = 0
    try:
        for flow in FlowReader(file).stream():
            count += 1
            found = exchange(flow) if isinstance(flow, HTTPFlow) else None
            if found is not None:
                yield found
    except (FlowReadException, ValueError, TypeError, KeyError, AttributeError):  # it trusts what it reads
        raise SavedFlowsError(f"it is damaged or cut short after {count} flows; those are used") from None


def _headers(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode("utf-8", "replace"), value.decode("utf-8", "replace")) for name, value in headers.fields]
