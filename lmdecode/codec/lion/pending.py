"""The commands whose end is not known yet, of all connections of a recording.

A command goes by HTTP and is answered at once that it waits; its end comes seconds later in a push, which is another
connection. Both name it by the same id.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from lmdecode.codec.record import Record

_MOST: Final = 1024
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
    """The commands that wait, each with its request; and how those ended whose request comes late."""

    def __init__(self) -> None:
        self._requests: OrderedDict[str, Record] = OrderedDict()
        self._ended: OrderedDict[str, bool] = OrderedDict()

    def asked(self, request: Record, found: Sequence[CommandStatus]) -> bool | None:
        """Take the answer to a command. Returns whether the machine did it; None if that is not known yet."""
        ok: bool | None = None
        for each in found:
            known = each.ok if each.ok is not None else self._ended.get(each.id)
            if known is None:
                _keep(self._requests, each.id, request)
            else:
                ok = known
        return ok

    def ended(self, status: CommandStatus) -> Record | None:
        """Take what a push says of a command that has ended. Returns the request, if it was seen."""
        if status.ok is not None:
            _keep(self._ended, status.id, status.ok)
        return self._requests.pop(status.id, None)


def _keep(kept: OrderedDict[str, Record] | OrderedDict[str, bool], name: str, value: Record | bool) -> None:  # noqa: FBT001
    kept[name] = value  # type: ignore[assignment]  # each is given its own kind
    if len(kept) > _MOST:
        kept.popitem(last=False)
