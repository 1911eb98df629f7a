"""The commands whose end is not known yet, of all connections of a recording.

A command goes by HTTP and is answered at once that it waits; its end comes seconds later in a push, which is another
connection. Both name it by the same id.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from lmdecode.codec.record import Record

T = TypeVar("T")

_MOST: Final = 1024
_MOST_RECORDINGS: Final = 7  # before this one, of one command
_LONGEST_ID: Final = 200  # characters; a UUID has 36
ENDED: Final = {"Success": True, "Error": False, "Timeout": False}
"""The words that say that a command has ended, and whether the machine did it."""


class CommandStatus(NamedTuple):
    """What the cloud says of a command."""

    id: str
    status: str
    whole: dict[str, object]
    """As it came."""

    @property
    def ok(self) -> bool | None:
        """Whether the machine did it; None if that is not known yet."""
        return ENDED.get(self.status)


def statuses(value: object) -> Iterator[CommandStatus]:
    """Yield what a list of commands says."""
    for each in value if isinstance(value, list) else ():
        if isinstance(each, dict) and isinstance(each.get("id"), str) and len(each["id"]) < _LONGEST_ID:
            yield CommandStatus(each["id"], str(each.get("status"))[:_LONGEST_ID], each)


class PendingCommands:
    """The commands that wait, each with its request; and how those ended whose request comes late.

    Two recordings of one client, as a proxy's and the client's own log, have the same commands. So each waits in the
    recording that it is in; only where a recording lacks the request, the one of another will do.
    """

    def __init__(self) -> None:
        self._requests: OrderedDict[str, list[Record]] = OrderedDict()
        self._ended: OrderedDict[str, bool] = OrderedDict()

    def asked(self, request: Record, found: Sequence[CommandStatus]) -> bool | None:
        """Take the answer to a command. Returns whether the machine did it; None if that is not known yet."""
        ok: bool | None = None
        for each in found:
            known = each.ok if each.ok is not None else self._ended.get(each.id)
            if known is None:
                _keep(self._requests, each.id, [*self._requests.get(each.id, ())[-_MOST_RECORDINGS:], request])
            else:
                ok = known
        return ok

    def ended(self, status: CommandStatus, capture: str | None = None) -> Record | None:
        """Take what a push says of a command that has ended. Returns the request, if it was seen.

        Args:
            status: What it says.
            capture: The recording in which it says so.
        """
        if status.ok is not None:
            _keep(self._ended, status.id, status.ok)
        waiting = self._requests.get(status.id)
        if not waiting:
            return None
        found = next((each for each in waiting if each.capture == capture), waiting[-1])
        rest = [each for each in waiting if each is not found]
        if rest:
            self._requests[status.id] = rest
        else:
            del self._requests[status.id]
        return found


def _keep(kept: OrderedDict[str, T], name: str, value: T) -> None:
    kept[name] = value
    if len(kept) > _MOST:
        kept.popitem(last=False)
