"""One connection to the cloud: requests and answers of HTTP, or a WebSocket with STOMP frames."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from lmdecode.codec.dialect import Conversation, OwnerAccess, Place, Simple, Speaker, Tally
from lmdecode.codec.lion.installations import SIGNATURE, Installations
from lmdecode.codec.lion.log import CLOUD, Log
from lmdecode.codec.lion.pending import CommandStatus, PendingCommands, statuses
from lmdecode.codec.lion.readings import codes, commands, dashboard, thing
from lmdecode.codec.lion.routes import INIT, PREFIX, route
from lmdecode.codec.lion.snapshots import Snapshots
from lmdecode.codec.record import MASK, Kind, Record, Role, Sender
from lmdecode.codec.secrets import masked_beginning, masked_headers, masked_text
from lmdecode.codec.stomp import Frame, Stomp
from lmdecode.codec.unreadable import UnreadableConversation
from lmdecode.codec.vocabulary import Reading
from lmdecode.codec.web import HttpRequest, HttpResponse
from lmdecode.codec.web_records import WebRecords

_MOST_SUBSCRIPTIONS: Final = 256
_MOST_STATUSES: Final = 256  # of commands, that are remembered of a destination's last push
_MOST_THINGS: Final = 1000  # that have a Record each; a house has two, and a list of more stays in one
_LONGEST_NAME: Final = 1000  # characters of a subscription and its destination, which have a hundred
_OF_THE_FRAME: Final = frozenset(("destination", "content-length", "content-type"))
"""The headers of a frame that the Record says in another way."""
_OF_A_PUSH: Final = _OF_THE_FRAME | {"subscription", "message-id"}
"""Those of a push that say nothing of a machine."""
_DESTINATION: Final = re.compile(r"/ws/sn/\w{4,16}(?:/[a-z-]{1,20})*\Z").match
_HARMLESS: Final = _OF_A_PUSH | {
    "accept-version",
    "version",
    "heart-beat",
    "host",
    "id",
    "ack",
    "receipt",
    "receipt-id",
}
"""Those that have no secret, even where a frame is damaged."""


class Web(WebRecords):
    """Requests, answers and pushes.

    Args:
        place: Where the connection is.
        tally: Counts are added to it.
        pending: The commands of all connections of the recording.
        installations: The installations of the app in it.
        show_secrets: Whether secrets stay readable.
    """

    def __init__(
        self,
        place: Place,
        tally: Tally,
        pending: PendingCommands,
        installations: Installations,
        *,
        show_secrets: bool = False,
    ) -> None:
        super().__init__("lion", route, place, tally, show_secrets=show_secrets)
        self._installations = installations
        self._commands = pending
        self._stomp: dict[Sender, Stomp] = {"app": Stomp(), "machine": Stomp()}
        self._snapshots = Snapshots()
        self._destinations: OrderedDict[str, str] = OrderedDict()
        self._said: OrderedDict[str, frozenset[tuple[str, str]]] = OrderedDict()

    def request(self, time_ns: int, request: HttpRequest, number: int = 0) -> Sequence[Record]:
        """Take a request, and check its signature if the recording has the key."""
        (record,) = super().request(time_ns, request, number)
        told = request.path.partition("?")[0] == INIT
        found = self._installations.told(request) if told else self._installations.check(request)
        if not found.result:
            return [record]
        problems = (*record.problems, found.problem) if found.problem else record.problems
        self.tally.problems += len(problems) > 0 == len(record.problems)
        record = record._replace(extra={**record.extra, SIGNATURE: found.result}, problems=problems)
        self.amend(record, number)
        return [record]

    def amend(self, record: Record, number: int = 0) -> None:
        """Put a Record in the place of one that `request` returned: the answer's `request` is to be this one."""
        self._pending[number] = record, self._pending[number][1]

    def response(self, time_ns: int, response: HttpResponse, number: int = 0) -> Sequence[Record]:
        """Take an answer."""
        (record,) = super().response(time_ns, response, number)
        asked = record.request
        if asked is None or not 200 <= response.status < 300:
            return [record]
        if asked.subject is not None and asked.subject.partition("?")[0] == f"GET {PREFIX}/things":
            return self._things(record)
        if record.kind is Kind.WRITE and (found := [*statuses(self.value)]):
            return [record._replace(ok=self._commands.asked(asked, found))]
        return [record]

    def message(
        self, time_ns: int, sender: Sender, data: bytes, *, is_text: bool = True, problems: Sequence[str] = ()
    ) -> Sequence[Record]:
        """Take one message of the WebSocket: STOMP frames, pieces of one, or a heart-beat."""
        what = () if is_text else ("a message of bytes, where only text is known",)
        frames = self._stomp[sender].receive(data)
        records: list[Record] = []
        for frame in frames:
            records += self._frame(time_ns, sender, frame, (*problems, *what))
            problems, what = (), ()
        if problems and not frames:
            records += self.note(time_ns, sender, "; ".join(problems))
        return records

    def close(self, time_ns: int) -> Sequence[Record]:
        """The connection has ended: return the frames that were not whole."""
        return self._unfinished(time_ns, "the frame is cut off")

    def let_go(self, time_ns: int) -> Sequence[Record]:
        """Return the frames that were not whole, and forget the pushes: each next one is told whole."""
        super().let_go(time_ns)
        self._snapshots = Snapshots()
        return self._unfinished(time_ns, "the frame is given up, since memory has run short")

    def _unfinished(self, time_ns: int, reason: str) -> Sequence[Record]:
        sides: tuple[Sender, Sender] = ("app", "machine")
        left = [(sender, frame) for sender in sides for frame in self._stomp[sender].close(reason)]
        return [record for sender, frame in left for record in self._frame(time_ns, sender, frame, ())]

    @property
    def held(self) -> int:
        """About how many bytes of memory it holds."""
        return super().held + sum(each.held for each in self._stomp.values())

    def _things(self, record: Record) -> Sequence[Record]:
        """Return a Record for each thing of a list of them: what is said of one is said of no other."""
        listed = self.value if isinstance(self.value, list) else [self.value]
        made: list[Record] = []
        if len(listed) > _MOST_THINGS:
            return [record]
        for each in listed:
            if not isinstance(each, dict):
                return [record]
            fields, extra, problems = thing(each)
            serial = each.get("serialNumber")
            made.append(
                record._replace(
                    fields=fields,
                    extra=extra,
                    problems=(*record.problems, *problems),
                    plaintext=record.plaintext if len(listed) == 1 else json.dumps(each, ensure_ascii=False),
                    machine=serial if isinstance(serial, str) else None,
                )
            )
        return made or [record]

    def _frame(self, time_ns: int, sender: Sender, frame: Frame, problems: Sequence[str]) -> list[Record]:
        """Return the Record of a frame; a push that settles several commands has several."""
        destination = frame.header("destination")
        if frame.command == "SUBSCRIBE" and len(frame.header("id")) + len(destination) < _LONGEST_NAME:
            self._destinations[frame.header("id")] = destination
            if len(self._destinations) > _MOST_SUBSCRIPTIONS:
                self._destinations.popitem(last=False)
        elif frame.command == "UNSUBSCRIBE":
            destination = destination or self._destinations.pop(frame.header("id"), "")
        elif frame.command == "MESSAGE":
            destination = destination or self._destinations.get(frame.header("subscription"), "")
        shown = destination if self.show_secrets else masked_text(destination)
        if frame.problems and not self.show_secrets and not _DESTINATION(destination):
            shown = destination = MASK if destination else ""
        self.machine = _machine(destination)
        subject = f"{frame.command or 'WebSocket'} {shown}".rstrip()
        if frame.command == "MESSAGE":
            return self._push(time_ns, sender, frame, subject, (*problems, *frame.problems))
        role: Role = "request" if sender == "app" else "response"
        record = self.made(
            time_ns,
            sender,
            Kind.STREAM,
            role,
            subject,
            frame.body if frame.command or self.show_secrets else masked_beginning(frame.body),
            content_type=frame.header("content-type"),
            problems=(*problems, *frame.problems, *_error(frame)),
        )
        return [self._with_headers(record, frame, _OF_THE_FRAME)]

    def _push(self, time_ns: int, sender: Sender, frame: Frame, subject: str, problems: Sequence[str]) -> list[Record]:
        """Return the Record of a push: what is new in it, and the end of a command; one more for a further end."""
        key = subject.partition(" ")[2]
        settled: list[CommandStatus] = []

        def read(value: object) -> Reading:
            if not isinstance(value, dict):
                return dashboard(value)
            listed = [*statuses(value.get("commands"))]
            settled.extend(self._new(key, listed))
            given = value.get("commands")
            if isinstance(given, list) and len(listed) == len(given):
                value = {name: each for name, each in value.items() if name != "commands"}
            found = self._snapshots.changes(
                key, dashboard(value), codes(value), size=len(frame.body), is_whole=self.is_whole
            )
            if not settled:
                return found
            said = commands([each.whole for each in settled])
            return Reading({**found.fields, **said.fields}, {**found.extra, **said.extra}, found.problems)

        record = self.made(
            time_ns,
            sender,
            Kind.STREAM,
            "report",
            subject,
            frame.body,
            source=read,
            content_type="application/json",
            problems=problems,
        )
        return self._settled(self._with_headers(record, frame, _OF_A_PUSH), settled)

    def _with_headers(self, record: Record, frame: Frame, known: frozenset[str]) -> Record:
        """Return a Record with the headers of its frame but those that are known."""
        headers = [(name, value) for name, value in frame.headers if name not in known]
        if frame.problems and not self.show_secrets:  # it may have been put together of the pieces of two
            headers = [(name, value) if name in _HARMLESS else (MASK, MASK) for name, value in headers]
        shown = headers if self.show_secrets else masked_headers(headers)
        return record._replace(extra={**record.extra, **dict(shown)}) if shown else record

    def _new(self, key: str, listed: Sequence[CommandStatus]) -> Sequence[CommandStatus]:
        """Return what a push says of commands that the last one did not say, those that ended first."""
        before = self._said.pop(key, frozenset())
        self._said[key] = frozenset((each.id, each.status) for each in listed[-_MOST_STATUSES:])
        if len(self._said) > _MOST_SUBSCRIPTIONS:
            self._said.popitem(last=False)
        new = [each for each in listed if (each.id, each.status) not in before]
        return sorted(new, key=lambda each: each.ok is None)

    def _settled(self, record: Record, found: Sequence[CommandStatus]) -> list[Record]:
        """Return a push with what it settles: the request, the seconds since, and whether the machine did it.

        One that settles further requests is followed by a Record for each of them, since a Record settles one.
        """
        records = [record]
        for each in found:
            if each.ok is None:
                continue
            request = self._commands.ended(each, self.place.capture)
            if request is None and records[0].ok is not None:
                continue
            made = records[0]
            if made.ok is not None:
                text = json.dumps(each.whole, ensure_ascii=False)
                made = record._replace(plaintext=text, fields=commands([each.whole]).fields, extra={}, problems=())
            seconds = None if request is None else (record.time_ns - request.time_ns) / 1e9
            elapsed = seconds if seconds is not None and seconds >= 0 else None
            made = made._replace(ok=each.ok, request=request, elapsed=elapsed)
            if records[0].ok is None:
                records[0] = made
            else:
                records.append(made)
        return records


def _machine(destination: str) -> str | None:
    """Return the serial number in a destination: `/ws/sn/MR012345/dashboard`."""
    parts = destination.split("/")
    return parts[3] if len(parts) > 3 and parts[:3] == ["", "ws", "sn"] and parts[3] else None


def _error(frame: Frame) -> tuple[str, ...]:
    """Return why the cloud ended the connection, if the frame says that it does."""
    if frame.command != "ERROR":
        return ()
    return ("the cloud reports an error and ends the connection",)


def speaker(access: OwnerAccess) -> Speaker:
    """Return the dialect with an owner's access in it."""
    pending, installations = PendingCommands(), Installations()

    def web(place: Place, tally: Tally) -> Web:
        return Web(place, tally, pending, installations, show_secrets=access.show_secrets)

    def converse(place: Place, tally: Tally) -> Conversation[Record]:
        return UnreadableConversation(place, tally, "lion")

    def log(place: Place, tally: Tally) -> Log:
        return Log(web(place._replace(machine=CLOUD), tally))

    return Simple(converse, web=web, log=log)
