"""Makes Records of requests, answers and WebSocket messages whose bodies are JSON: what the dialects of JSON share.

A dialect says by `routes` what is in the body of a request to a path and of its answer. All else is alike: the pairing
of answers with requests, the masking, the counting, and what is said of a body that is damaged.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from lmdecode.codec.dialect import Place, Tally
from lmdecode.codec.json_message import document
from lmdecode.codec.record import Kind, Record, Role, Sender, Value
from lmdecode.codec.vocabulary import read
from lmdecode.codec.web import HttpRequest, HttpResponse, header

_MAX_PENDING: Final = 1024  # requests that are kept; a server that answers none must not fill the memory
_KEPT_SIZE: Final = 2000  # bytes of memory, about, for a request that is kept


class Route(NamedTuple):
    """What a request to some path is about."""

    kind: Kind
    asked: str = ""
    """The vocabulary's source of the request's body; "" if its members are no values of the machine."""
    answered: str = ""
    """The vocabulary's source of the answer's body."""
    unwrap: Callable[[object], object] = lambda value: value
    """Returns the part of the answer's JSON that the source describes."""
    machine: str | None = None
    """The machine that it is about, if the path names it."""


class WebRecords:
    """A `WebConversation` that makes Records.

    Args:
        generation: The dialect's name.
        routes: Returns what a request is about, by its method and its path without the query; None if nobody knows.
        place: Where the connection is.
        tally: Counts are added to it.
        show_secrets: Whether secrets stay readable.
    """

    def __init__(
        self,
        generation: str,
        routes: Callable[[str, str], Route | None],
        place: Place,
        tally: Tally,
        *,
        show_secrets: bool = False,
    ) -> None:
        self.generation = generation
        self.place = place
        self.tally = tally
        self.show_secrets = show_secrets
        self.machine: str | None = None
        """The machine that the last request named."""
        self._routes = routes
        self._pending: OrderedDict[int, tuple[Record, Route | None]] = OrderedDict()

    def request(self, time_ns: int, request: HttpRequest, number: int = 0) -> Sequence[Record]:
        """Take a request."""
        path = request.path.partition("?")[0]
        route = self._routes(request.method, path)
        if route is not None and route.machine is not None:
            self.machine = route.machine
        kind = route.kind if route else Kind.READ if request.method in {"GET", "HEAD"} else Kind.WRITE
        record = self.made(
            time_ns,
            "app",
            kind,
            "request",
            f"{request.method} {request.path}",
            request.body,
            source=route.asked if route else "",
            problems=request.problems,
        )
        if len(self._pending) >= _MAX_PENDING:
            self._pending.popitem(last=False)
        self._pending[number] = record, route
        return [record]

    def response(self, time_ns: int, response: HttpResponse, number: int = 0) -> Sequence[Record]:
        """Take an answer."""
        asked, route = self._pending.pop(number, (None, None))
        kind = Kind.READ if asked is None or asked.kind is None else asked.kind
        accepted = 200 <= response.status < 300 or response.status == 101
        subject = f"{response.status}" if asked is None else f"{response.status} {asked.subject}"
        problems = response.problems
        if not accepted:
            problems = (*problems, refusal(response))
        record = self.made(
            time_ns,
            "machine",
            kind,
            "response",
            subject,
            response.body or b"",
            source=route.answered if route is not None and accepted else "",
            unwrap=route.unwrap if route is not None else lambda value: value,
            problems=problems,
        )
        elapsed = None if asked is None or time_ns < asked.time_ns else (time_ns - asked.time_ns) / 1e9
        ok = accepted if kind is Kind.WRITE else None
        return [record._replace(request=asked, elapsed=elapsed, ok=ok)]

    def message(
        self, time_ns: int, sender: Sender, data: bytes, *, is_text: bool = True, problems: Sequence[str] = ()
    ) -> Sequence[Record]:
        """Take one whole message of the WebSocket. A dialect that has them says what is in them."""
        what = () if is_text else ("a message of bytes, where only text is known",)
        return [self.made(time_ns, sender, Kind.STREAM, "report", "WebSocket", data, problems=(*problems, *what))]

    def note(self, time_ns: int, sender: Sender, problem: str, raw: bytes = b"") -> Sequence[Record]:
        """Take what is no message."""
        self.tally.problems += 1
        self.tally.bytes_skipped += len(raw)
        blank = Record(time_ns, self.place.stream, sender, *self._ends(sender), problems=(problem,))
        return [blank._replace(raw=raw or None, generation=self.generation, capture=self.place.capture)]

    def close(self, time_ns: int) -> Sequence[Record]:  # noqa: ARG002
        """Return nothing: no message is held back."""
        return []

    @property
    def held(self) -> int:
        """About how many bytes of memory it holds."""
        return len(self._pending) * _KEPT_SIZE

    def made(  # noqa: PLR0917 -- in the order of a Record
        self,
        time_ns: int,
        sender: Sender,
        kind: Kind | None,
        role: Role,
        subject: str,
        body: bytes | str,
        *,
        source: str = "",
        unwrap: Callable[[object], object] = lambda value: value,
        problems: Sequence[str] = (),
    ) -> Record:
        """Return the Record of a message, and count it.

        Args:
            time_ns: When it was sent.
            sender: Whose it is.
            kind: What it does.
            role: What it is to other messages.
            subject: What it is about; see `Record.subject`.
            body: Its bytes; empty if it has none.
            source: The vocabulary's source that describes it; "" if none does, so that nothing becomes a field.
            unwrap: Returns the part of the JSON that the source describes.
            problems: What was wrong with its bytes.
        """
        found = document(body, show_secrets=self.show_secrets) if body else None
        said = tuple(problems)
        fields: dict[str, Value] = {}
        extra: dict[str, object] = {}
        if found is not None and not found.is_whole:
            said += found.problems
        elif found is not None and source:
            fields, extra, more = read(source, unwrap(found.value))
            said += more
        elif found is not None:
            extra = found.value if isinstance(found.value, dict) else {"value": found.value}
        self.tally.frames += 1
        self.tally.messages += 1
        self.tally.valid_frames += 1
        self.tally.problems += bool(said)
        return Record(
            time_ns,
            self.place.stream,
            sender,
            *self._ends(sender),
            kind,
            role,
            plaintext=None if found is None else found.text,
            fields=fields,
            problems=said,
            machine=self.machine,
            generation=self.generation,
            capture=self.place.capture,
            subject=subject,
            extra=extra,
        )

    def _ends(self, sender: Sender) -> tuple[str, str]:
        ends = self.place.app, self.place.machine
        return ends if sender == "app" else ends[::-1]


def refusal(response: HttpResponse) -> str:
    """Return why a request was refused, as far as its answer says.

    >>> refusal(HttpResponse(403, [("Content-Type", "text/html")]))
    'refused with status 403, by the firewall before the cloud and not by the account'
    """
    if response.status == 403 and "html" in header(response.headers, "content-type"):
        return "refused with status 403, by the firewall before the cloud and not by the account"
    return f"refused with status {response.status}"
