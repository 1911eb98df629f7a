"""One capture decoded by several processes, each of which decodes some of its connections.

Which connections a capture has is not to be seen packet by packet. Ports are used again, a SYN comes twice, fragments
are put together, one conversation is captured at two places, and connections that were idle for long are ended when
there are too many. All of that numbers the connections, and depends on the packets of all of them. To cut a capture
into files by address and port would give other numbers, and sometimes other messages.

So nothing is cut. Each process reads the whole capture as ever, and knows the same connections by the same numbers. It
only hands the bytes of some of them to a conversation, and those of the others to one that is deaf. The rows of all
shares together are those of one process, by construction. No piece of anybody's traffic lies about in between, and no
process waits until another one has split.

The price is that each process reads and reassembles everything, and that is most of the work, so the gain is small for
each further process. `app.dataset.shares` has the figures, and decides when it is worth while.

One difference may remain. All connections together may hold back a quarter of the memory that a decode may take, then
some of it is given out early. A share holds less than the whole, so it gives out less of it early, or none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lmdecode.codec.dialect import Conversation, LogConversation, Place, Sink, Speaker, Tallies, Tally
from lmdecode.codec.record import Sender
from lmdecode.codec.speakers import Speakers

if TYPE_CHECKING:
    from lmdecode.codec.web import WebConversation

T = TypeVar("T")

_SCATTERED: Final = 0x9E3779B1
"""2³² over the golden ratio: computers count their ports up, and its multiples are spread evenly, few or many."""


def share_of(port: int, count: int) -> int:
    """Returns which of several shares the connections from an app's port belong to.

    >>> sorted({share_of(port, 3) for port in range(50000, 50030)})
    [0, 1, 2]
    """
    return ((port * _SCATTERED & 0xFFFFFFFF) * count) >> 32


class SharedSpeakers(Speakers):
    """Speakers that converse on some connections, and are deaf on the others.

    What has no connections to be told apart, as logs, recordings of HTTP and Bluetooth, is the first share's.

    Args:
        speakers: Those of the whole capture.
        index: Of the share, from 0 on.
        count: How many shares there are.
    """

    def __init__(self, speakers: Speakers, index: int, count: int) -> None:
        self.__dict__.update(speakers.__dict__)
        self._whole = speakers
        self._index = index
        self._count = count

    def __getitem__(self, name: str) -> Speaker:
        """Return the speaker of a dialect, which is deaf unless this is the first share."""
        return self._whole[name] if self._index == 0 else _DEAF

    def conversation(self, port: int, sink: Sink[T], place: Place, tallies: Tallies) -> Conversation[T]:
        """Return a new conversation, which is deaf if the connection is another share's."""
        if not self._is_ours(int(place.app.rpartition(":")[2])):
            return _Deaf()
        return self._whole.conversation(port, sink, place, tallies)

    def alone(self, ports: set[int]) -> Speaker | None:  # noqa: ARG002 -- as its base
        """Return None: it depends on the ports which payloads are predecoded."""
        return None

    def predecode(self, payloads: Sequence[tuple[bytes, int, int]], **how: Any) -> Sequence[Any]:  # noqa: ANN401
        """Let the dialects look at the payloads of the own share; see `Speakers.predecode`."""
        machines = self.ports
        numbers = [
            number
            for number, (_, source, destination) in enumerate(payloads)
            if self._is_ours(destination if source in machines else source)
        ]
        found: list[Any] = [None] * len(payloads)
        wanted = [payloads[number] for number in numbers]
        alone = self._whole.alone({port for _, *ports in wanted for port in ports}) if wanted else None
        if alone is not None:
            predecoded = alone.predecode([payload for payload, _, _ in wanted], **how)
        else:
            predecoded = self._whole.predecode(wanted, **how)
        for number, each in zip(numbers, predecoded, strict=True):
            found[number] = each
        return found

    def web(self, host: str, port: int, path: str, place: Place, tallies: Tallies) -> WebConversation | None:
        """Return what takes the messages of a connection of HTTP; None unless this is the first share."""
        return self._whole.web(host, port, path, place, tallies) if self._index == 0 else None

    def logs(self, place: Place, tallies: Tallies) -> list[LogConversation]:
        """Return what reads debug logs; nothing unless this is the first share."""
        return self._whole.logs(place, tallies) if self._index == 0 else []

    def _is_ours(self, port: int) -> bool:
        return share_of(port, self._count) == self._index


class _Deaf:
    """A conversation of another share: nothing is made of it."""

    held = 0

    def receive(self, time_ns: int, sender: Sender, data: bytes, predecoded: object = None) -> Sequence[Any]:  # noqa: ARG002 -- as its protocol
        return ()

    def receive_late(self, time_ns: int, sender: Sender, data: bytes, reason: str) -> Sequence[Any]:  # noqa: ARG002
        return ()

    def gap(self, time_ns: int, sender: Sender, size: int, reason: str) -> Sequence[Any]:  # noqa: ARG002
        return ()

    def close(self, time_ns: int) -> Sequence[Any]:  # noqa: ARG002
        return ()

    def let_go(self, time_ns: int, reason: str) -> Sequence[Any]:  # noqa: ARG002
        return ()


class _DeafSpeaker:
    """A speaker whose conversations are deaf."""

    def conversation(self, sink: Sink[T], place: Place, tally: Tally) -> Conversation[T]:  # noqa: ARG002
        return _Deaf()

    def predecode(self, payloads: Sequence[bytes], **how: Any) -> Sequence[Any]:  # noqa: ANN401, ARG002
        return [None] * len(payloads)

    def verdict(self, tally: Tally, ports: Any) -> str | None:  # noqa: ANN401, ARG002
        return None

    def log(self, place: Place, tally: Tally) -> LogConversation | None:  # noqa: ARG002
        return None

    def web(self, place: Place, tally: Tally) -> WebConversation | None:  # noqa: ARG002
        return None


_DEAF: Final = _DeafSpeaker()
