"""One connection to the cloud."""

from __future__ import annotations

from lmdecode.codec.dialect import Conversation, OwnerAccess, Place, Simple, Speaker, Tally
from lmdecode.codec.no_bytes import NoBytes
from lmdecode.codec.record import Record
from lmdecode.codec.web_records import Route, WebRecords


def _route(_method: str, _path: str) -> Route | None:
    return None


class Web(WebRecords):
    """Requests and answers."""

    def __init__(self, place: Place, tally: Tally, *, show_secrets: bool = False) -> None:
        super().__init__("lion", _route, place, tally, show_secrets=show_secrets)


def speaker(access: OwnerAccess) -> Speaker:
    """Return the dialect with an owner's access in it."""

    def web(place: Place, tally: Tally) -> Web:
        return Web(place, tally, show_secrets=access.show_secrets)

    def converse(place: Place, tally: Tally) -> Conversation[Record]:
        return NoBytes(place, tally, "lion")

    return Simple(converse, web=web)
