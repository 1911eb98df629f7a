"""What the signatures of the requests in recordings say: whose fit the key that their installation told the cloud."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lmdecode.codec.lion.installations import FITS, MISSING, SIGNATURE
from lmdecode.codec.record import Record


@dataclass(slots=True)
class Signatures:
    """The requests of some recordings, by what came of their signatures."""

    checked: list[Record] = field(default_factory=list)
    """Those whose signature was checked, or the proof where an installation tells its key."""
    wrong: list[Record] = field(default_factory=list)
    """Those of them that do not fit."""
    missing: int = 0
    """Requests without a signature, after a key was told."""
    others: int = 0
    """Requests of which nothing can be said, for want of a key."""

    @property
    def fitting(self) -> int:
        """How many fit."""
        return len(self.checked) - len(self.wrong)


def signatures_of(records: Iterable[Record]) -> Signatures:
    """Returns what came of the signatures of requests.

    Args:
        records: Those of a recording; what is no request to the cloud of today does not count.
    """
    found = Signatures()
    for record in records:
        if record.generation != "lion" or record.role != "request" or not _is_http(record):
            continue
        result = record.extra.get(SIGNATURE)
        if result == MISSING:
            found.missing += 1
        elif result is None:
            found.others += 1
        else:
            found.checked.append(record)
            if result != FITS:
                found.wrong.append(record)
    return found


def _is_http(record: Record) -> bool:
    """Returns whether a request is one of HTTP, and no STOMP frame."""
    method, _, path = (record.subject or "").partition(" ")
    return path.startswith(("/api/", "/ws/connect")) and method.isupper()
