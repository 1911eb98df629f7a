"""The conversation of a dialect that is not spoken over plain TCP: it reports what it is given."""

from __future__ import annotations

from collections.abc import Sequence

from lmdecode.codec.dialect import Place, Tally
from lmdecode.codec.raw_bytes import may_be_shown
from lmdecode.codec.record import Record, Sender


class UnreadableConversation:
    """A `Conversation` in which nothing can be read.

    Args:
        place: Where it is.
        tally: Counts are added to it.
        generation: The dialect's name.
    """

    def __init__(self, place: Place, tally: Tally, generation: str) -> None:
        self._place = place
        self._tally = tally
        self._generation = generation

    def receive(self, time_ns: int, sender: Sender, data: bytes, predecoded: object = None) -> Sequence[Record]:  # noqa: ARG002
        """Report the bytes."""
        self._tally.bytes_skipped += len(data)
        return [
            self._blank(time_ns, sender, f"{len(data)} bytes that cannot be read here")._replace(
                raw=may_be_shown(data) or None
            )
        ]

    def receive_late(self, time_ns: int, sender: Sender, data: bytes, reason: str) -> Sequence[Record]:  # noqa: ARG002
        """Report the bytes."""
        return self.receive(time_ns, sender, data)

    def gap(self, time_ns: int, sender: Sender, size: int, reason: str) -> Sequence[Record]:
        """Report what is missing."""
        self._tally.bytes_missing += size
        return [self._blank(time_ns, sender, reason)]

    def close(self, time_ns: int) -> Sequence[Record]:  # noqa: ARG002
        """Return nothing."""
        return []

    @property
    def held(self) -> int:
        """It holds nothing."""
        return 0

    def let_go(self, time_ns: int, reason: str) -> Sequence[Record]:  # noqa: ARG002
        """Return nothing."""
        return []

    def _blank(self, time_ns: int, sender: Sender, problem: str) -> Record:
        self._tally.problems += 1
        ends = self._place.app, self._place.machine
        ends = ends if sender == "app" else ends[::-1]
        return Record(
            time_ns,
            self._place.stream,
            sender,
            *ends,
            problems=(problem,),
            generation=self._generation,
            capture=self._place.capture,
        )
