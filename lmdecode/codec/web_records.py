"""Makes Records of requests, answers and WebSocket messages whose bodies are JSON: what the dialects of JSON share.

A dialect says by `routes` what is in the body of a request to a path and of its answer. All else is alike: the pairing
of answers with requests, the masking, the counting, and what is said of a body that is damaged.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from lmdecode.codec.dialect import Place, Tally
from lmdecode.codec.raw_bytes import WITHHELD, may_be_shown
from lmdecode.codec.record import Kind, Record, Role, Sender, Value
from lmdecode.codec.secrets import masked_target, masked_text
from lmdecode.codec.vocabulary import Reading, read
from lmdecode.codec.web import HttpRequest, HttpResponse, header
from lmdecode.codec.web_body import document_of

_MAX_PENDING: Final = 1024  # requests that are kept; a server that answers none must not fill the memory
_WITHOUT_BODY: Final = frozenset((101, 204, 205, 304))
_KEPT_SIZE: Final = 2000  # bytes of memory, about, for a request that is kept


Reader = Callable[[object], Reading]
"""Returns what a JSON value says: for bodies that the vocabulary describes in parts."""


class Route(NamedTuple):
    """What a request to some path is about."""

    kind: Kind
    asked: str | Reader = ""
    """The vocabulary's source of the request's body; "" if its members are no values of the machine."""
    answered: str | Reader = ""
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
        self.value: object = None
        """The JSON value of the last message, masked; None if it had none."""
        self.is_whole = True
        """Whether all of the last message could be read."""
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
            f"{request.method} {request.path if self.show_secrets else masked_target(request.path)}",
            request.body,
            source=route.asked if route else "",
            content_type=header(request.headers, "content-type"),
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
            problems = (*problems, self.refused(response))
        elif response.body is None and response.status not in _WITHOUT_BODY:
            problems = (*problems, "the body of the answer was not recorded")
        record = self.made(
            time_ns,
            "machine",
            kind,
            "response",
            subject,
            response.body or b"",
            source=route.answered if route is not None and accepted else "",
            unwrap=route.unwrap if route is not None else lambda value: value,
            content_type=header(response.headers, "content-type"),
            problems=problems,
        )
        if asked is not None:
            record = record._replace(machine=asked.machine)  # others may have been asked of meanwhile
        elapsed = None if asked is None or time_ns < asked.time_ns else (time_ns - asked.time_ns) / 1e9
        ok = accepted if kind is Kind.WRITE else None
        return [record._replace(request=asked, elapsed=elapsed, ok=ok)]

    def message(
        self, time_ns: int, sender: Sender, data: bytes, *, is_text: bool = True, problems: Sequence[str] = ()
    ) -> Sequence[Record]:
        """Take one whole message of the WebSocket. A dialect that has them says what is in them."""
        what = () if is_text else ("a message of bytes, where only text is known",)
        return [self.made(time_ns, sender, Kind.STREAM, "report", "WebSocket", data, problems=(*problems, *what))]

    def refused(self, response: HttpResponse) -> str:
        """Return why a request was refused. A dialect may know more."""
        return refusal(response)

    def control(
        self, time_ns: int, sender: Sender, name: str, data: bytes, *, problems: Sequence[str] = ()
    ) -> Sequence[Record]:
        """Take a control frame. Of the pings and pongs, which say no more than that both are there, none is shown."""
        if name != "close" and not problems:
            self.tally.frames += 1
            self.tally.valid_frames += 1
            return []
        text = data
        if name == "close":
            text = f"{int.from_bytes(data[:2], 'big')} ".encode() + data[2:] if len(data) > 1 else b""
        said = text.decode("utf-8", "backslashreplace").strip()
        role: Role = "request" if sender == "app" else "report"
        made = self.made(time_ns, sender, Kind.STREAM, role, f"WebSocket {name}", b"", problems=problems)
        return [made._replace(plaintext=(said if self.show_secrets else masked_text(said)) or None)]

    def note(self, time_ns: int, sender: Sender, problem: str, raw: bytes = b"") -> Sequence[Record]:
        """Take what is no message. What may be a secret in its bytes is not shown, see `raw_bytes`."""
        self.tally.problems += 1
        self.tally.bytes_skipped += len(raw)
        problems: tuple[str, ...] = (problem,)
        if raw and not self.show_secrets:
            shown = may_be_shown(raw)
            problems = problems if shown == raw else (problem, WITHHELD)
            raw = shown
        blank = Record(time_ns, self.place.stream, sender, *self._ends(sender), problems=problems)
        return [blank._replace(raw=raw or None, generation=self.generation, capture=self.place.capture)]

    def close(self, time_ns: int) -> Sequence[Record]:  # noqa: ARG002
        """Return nothing: no message is held back."""
        return []

    @property
    def held(self) -> int:
        """About how many bytes of memory it holds."""
        bodies = sum(len(asked.plaintext or "") for asked, _ in self._pending.values())
        return len(self._pending) * _KEPT_SIZE + bodies

    def let_go(self, time_ns: int) -> Sequence[Record]:  # noqa: ARG002
        """Forget the requests, whose answers will be without them. Returns nothing: no message is held back."""
        self._pending.clear()
        return []

    def made(  # noqa: PLR0917 -- in the order of a Record
        self,
        time_ns: int,
        sender: Sender,
        kind: Kind | None,
        role: Role,
        subject: str,
        body: bytes | str,
        *,
        source: str | Reader = "",
        unwrap: Callable[[object], object] = lambda value: value,
        content_type: str = "",
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
            content_type: What the message says that its body is; "" if it does not say.
            problems: What was wrong with its bytes.
        """
        found = document_of(body, content_type, show_secrets=self.show_secrets) if body else None
        self.value = None if found is None else found.value
        self.is_whole = found is None or found.is_whole
        said = tuple(problems)
        fields: dict[str, Value] = {}
        extra: dict[str, object] = {}
        if found is not None:
            said += found.problems
        if found is None or found.value is None:
            pass
        elif source:
            value = unwrap(found.value)
            fields, extra, more = read(source, value) if isinstance(source, str) else source(value)
            said += more
        else:
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
            machine=masked_text(self.machine) if self.machine and not self.show_secrets else self.machine,
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
    "refused with status 403 by the firewall before the cloud, which does not know the account: it blocks the client's \
address or its kind of requests, try again later or from another network"
    """
    why = _REFUSALS.get(response.status, "")
    if response.status == 403 and _is_page(response):
        why = (
            " by the firewall before the cloud, which does not know the account: it blocks the client's address or "
            "its kind of requests, try again later or from another network"
        )
    return f"refused with status {response.status}{why}"


_REFUSALS: Final = {
    401: ": the user name, the password or the token is wrong, or the token has run out; log in again",
    412: ": the request is not signed as the cloud wants it, or the state of the machine forbids the command",
}


def _is_page(response: HttpResponse) -> bool:
    if "html" in header(response.headers, "content-type").lower():
        return True
    return (response.body or b"")[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))
