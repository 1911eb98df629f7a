"""One connection to a gateway of v3."""

from __future__ import annotations

from collections.abc import Sequence

from lmdecode.codec.dialect import Conversation, OwnerAccess, Place, Simple, Speaker, Tally
from lmdecode.codec.no_bytes import NoBytes
from lmdecode.codec.record import Kind, Record, Sender
from lmdecode.codec.v3.log import Log
from lmdecode.codec.web_records import Route, WebRecords


def _route(_method: str, path: str) -> Route | None:
    if path == "/api/v1/config":
        return Route(Kind.READ, answered="configuration")
    if path == "/api/v1/streaming":
        return Route(Kind.STREAM)
    return None


class Web(WebRecords):
    """Requests, answers and the texts of the stream."""

    def __init__(self, place: Place, tally: Tally, *, show_secrets: bool = False) -> None:
        super().__init__("v3", _route, place, tally, show_secrets=show_secrets)

    def message(
        self, time_ns: int, sender: Sender, data: bytes, *, is_text: bool = True, problems: Sequence[str] = ()
    ) -> Sequence[Record]:
        """Take one text of the stream."""
        if not is_text:
            return super().message(time_ns, sender, data, is_text=is_text, problems=problems)
        subject = "WebSocket /api/v1/streaming"
        return [
            self.made(
                time_ns,
                sender,
                Kind.STREAM,
                "report",
                subject,
                data,
                source="stream",
                unwrap=_joined,
                problems=problems,
            )
        ]


def _joined(value: object) -> object:
    """Return one object of a list of objects with one member each, or with members `name` and `value`."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return value
    joined: dict[str, object] = {}
    for each in value:
        joined.update({str(each["name"]): each["value"]} if each.keys() == {"name", "value"} else each)
    return joined


def speaker(access: OwnerAccess) -> Speaker:
    """Return the dialect with an owner's access in it."""

    def web(place: Place, tally: Tally) -> Web:
        return Web(place, tally, show_secrets=access.show_secrets)

    def converse(place: Place, tally: Tally) -> Conversation[Record]:
        return NoBytes(place, tally, "v3")

    def log(place: Place, tally: Tally) -> Log:
        return Log(web(place, tally))

    return Simple(converse, web=web, log=log)
