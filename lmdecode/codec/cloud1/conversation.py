"""One connection to the cloud: requests and answers of HTTP."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from lmdecode.codec.cloud1.log import CLOUD, Log
from lmdecode.codec.cloud1.routes import route
from lmdecode.codec.dialect import Conversation, OwnerAccess, Place, Simple, Speaker, Tally
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.unreadable import UnreadableConversation
from lmdecode.codec.web import HttpResponse
from lmdecode.codec.web_records import WebRecords

_MOST: Final = 1024  # commands that are remembered
_LONGEST_ID: Final = 200  # characters; a UUID has 36


class Commands:
    """The commands whose end is not known yet, of all connections of a recording."""

    def __init__(self) -> None:
        self._requests: OrderedDict[str, Record] = OrderedDict()

    def asked(self, name: str, request: Record) -> None:
        """Take the request of a command, and the id that its answer gave it."""
        self._requests[name] = request
        if len(self._requests) > _MOST:
            self._requests.popitem(last=False)

    def ended(self, name: str) -> Record | None:
        """Return the request of a command that has ended, if it was seen."""
        return self._requests.pop(name, None)


class Web(WebRecords):
    """Requests and answers.

    Args:
        place: Where the connection is.
        tally: Counts are added to it.
        commands: Those of all connections of the recording.
        show_secrets: Whether secrets stay readable.
    """

    def __init__(self, place: Place, tally: Tally, commands: Commands, *, show_secrets: bool = False) -> None:
        super().__init__("cloud1", route, place, tally, show_secrets=show_secrets)
        self._commands = commands

    def response(self, time_ns: int, response: HttpResponse, number: int = 0) -> Sequence[Record]:
        """Take an answer."""
        (record,) = super().response(time_ns, response, number)
        value = self.value
        if not isinstance(value, dict) or not 200 <= response.status < 300:
            return [record]
        if value.get("status") is False:
            problem = 'the cloud says that it did not do it, by "status": false'
            self.tally.problems += not record.problems
            ok = False if record.kind is Kind.WRITE else None
            record = record._replace(ok=ok, problems=(*record.problems, problem))
        data = value.get("data")
        data = data if isinstance(data, dict) else value
        asked = record.request
        if asked is None or asked.subject is None:
            return [record]
        name = data.get("commandId")
        if isinstance(name, str) and len(name) < _LONGEST_ID and "/commands/" not in asked.subject:
            self._commands.asked(name, asked)
            return [record if record.ok is False else record._replace(ok=None)]  # it only waits
        return [self._settled(record, asked.subject, data)]

    def _settled(self, record: Record, subject: str, data: dict[str, object]) -> Record:
        """Return the answer about a command with what it settles, if the command has ended."""
        name = subject.partition("?")[0].rstrip("/").rpartition("/commands/")[2]
        if data.get("status") != "COMPLETED" or "/commands/" not in subject:
            return record
        payload = data.get("responsePayload")
        said = payload.get("status") if isinstance(payload, dict) else None
        ok = None if said is None else said == "success"
        request = self._commands.ended(name)
        if request is None:
            return record._replace(ok=ok)
        return record._replace(ok=ok, request=request, elapsed=(record.time_ns - request.time_ns) / 1e9)


def speaker(access: OwnerAccess) -> Speaker:
    """Return the dialect with an owner's access in it."""
    commands = Commands()

    def web(place: Place, tally: Tally) -> Web:
        return Web(place, tally, commands, show_secrets=access.show_secrets)

    def converse(place: Place, tally: Tally) -> Conversation[Record]:
        return UnreadableConversation(place, tally, "cloud1")

    def log(place: Place, tally: Tally) -> Log:
        return Log(web(place._replace(machine=CLOUD), tally))

    return Simple(converse, web=web, log=log)
