"""A sniffer's capture: what was in the air (the link layer of Bluetooth Low Energy).

A connection has an access address, a random number that CONNECT_IND names together with both devices. From then on the
two sides take turns on changing channels, and a sniffer follows them as well as it can:

- What is sent again, because the other side did not acknowledge it, has the same sequence number and the same content,
  and is dropped. With the same number and other content, a packet between was not heard: that is said.
- Empty packets keep the connection alive, and count for the sequence numbers only.
- Encrypted packets are counted, and nothing of them is read; a sniffer that has the key says that it has decrypted.
- Which side sends is in the headers of some link types. Without, the central is who begins after a pause, and the
  other answers 150 µs after its end; a request or an answer of ATT decides where that fails.
- A packet with a wrong checksum is counted; the sniffer says which they are.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from lmdecode.capture.net.bluetooth import (
    LE_LL,
    LE_LL_WITH_PHDR,
    NORDIC_BLE,
    Began,
    Ended,
    Heard,
    Lost,
    Pdu,
    RadioEvent,
    address_text,
)
from lmdecode.capture.net.bluetooth_advertising import advertised
from lmdecode.capture.net.bluetooth_l2cap import ATT, Fragments
from lmdecode.codec.record import Sender

_ADVERTISING: Final = b"\xd6\xbe\x89\x8e"
"""The access address of all advertising."""
_CONNECT: Final = 0x05
_ADVERTISERS: Final = frozenset((0x00, 0x02, 0x04, 0x06))
"""PDUs with an advertiser's address and data: connectable, not connectable, scan response, scannable."""
_GOES_ON, _BEGINS, _CONTROL = 1, 2, 3
_TERMINATE, _ENCRYPT, _START_ENCRYPTION, _PAUSE_ENCRYPTION = 0x02, 0x03, 0x05, 0x0B
_PAUSED: Final = frozenset((_PAUSE_ENCRYPTION, 0x0A))
_MOST: Final = 256  # connections at once; damaged packets have any access address
_PAUSE_NS: Final = 150_000
_SLACK_NS: Final = 60_000
_BYTE_NS: Final = 8_000  # at 1 Mbit/s, which all devices begin with
_AROUND: Final = 10  # bytes around a payload: preamble, access address, header, checksum
_CHECKSUM: Final = 3

_PHDR: Final = 10
_DECRYPTED, _CHECKED, _VALID = 0x0008, 0x0400, 0x0800
_FROM_CENTRAL, _FROM_PERIPHERAL = 2, 3

_NORDIC_PACKETS: Final = frozenset((0x02, 0x06))
_NORDIC_OK, _NORDIC_CENTRAL, _NORDIC_ENCRYPTED, _NORDIC_DECRYPTED = 0x01, 0x02, 0x04, 0x08


class _Side:
    """What one side of a connection has sent."""

    __slots__ = ("fragments", "last", "lost")

    def __init__(self) -> None:
        self.fragments = Fragments()
        self.last: tuple[int, bytes] | None = None
        """The sequence number of its last packet, and the packet without the bits that change when it is sent again."""
        self.lost = False


class _Link:
    """One connection in the air."""

    __slots__ = ("ends_ns", "is_encrypted", "sender", "sides", "told")

    def __init__(self) -> None:
        self.sides: dict[Sender, _Side] = {"app": _Side(), "machine": _Side()}
        self.sender: Sender = "machine"
        self.ends_ns = 0
        """When its last packet ended."""
        self.is_encrypted = False
        self.told = False


class Air:
    """Reads the packets of one link type.

    Args:
        link_type: Its LINKTYPE_ number.
        counts: What could not be read is counted in it.
    """

    def __init__(self, link_type: int, counts: Counter[str]) -> None:
        self._link_type = link_type
        self._counts = counts
        self._links: OrderedDict[bytes, _Link] = OrderedDict()

    def read(self, time_ns: int, data: bytes, missing: int) -> Sequence[RadioEvent]:
        """Return what a packet tells. Raises IndexError if it is not whole."""
        heard = _HEADERS[self._link_type](data)
        if heard is None:
            return ()
        if not heard.is_valid:
            self._counts["with a wrong checksum"] += 1
            return ()
        at = heard.at
        header, size = data[at + 4], data[at + 5]
        body = data[at + 6 : at + 6 + size]
        if len(body) < size or missing > _CHECKSUM:
            self._counts["cut short by the capture"] += 1
            return ()
        access = data[at : at + 4]
        if access == _ADVERTISING:
            return self._advertising(header, body, time_ns)
        link = self._links.get(access)
        if link is None:
            if len(self._links) >= _MOST:
                self._links.popitem(last=False)
            link = self._links[access] = _Link()  # it began before the capture
        sender = heard.sender or _turn(link, time_ns, header, body)
        link.sender = sender
        link.ends_ns = time_ns + (size + _AROUND) * _BYTE_NS
        if heard.is_sealed is not None:
            link.is_encrypted = heard.is_sealed
        return self._data(access, link, sender, header, body)

    def _advertising(self, header: int, body: bytes, time_ns: int) -> Sequence[RadioEvent]:
        kind = header & 15
        if kind in _ADVERTISERS:
            name, is_machines = advertised(body[6:])
            return (Heard(address_text(body[:6]), name, is_machines),) if name or is_machines else ()
        if kind != _CONNECT or len(body) < 34:
            return ()
        access = body[12:16]
        before = self._links.pop(access, None)
        link = self._links[access] = _Link()
        link.ends_ns = time_ns
        began = Began(link, address_text(body[:6]), address_text(body[6:12]))
        return (began,) if before is None else (Ended(before), began)

    def _data(self, access: bytes, link: _Link, sender: Sender, header: int, body: bytes) -> Sequence[RadioEvent]:
        side = link.sides[sender]
        number, content = header >> 3 & 1, bytes((header & 3,)) + body
        before, side.last = side.last, (number, content)
        if before is not None and before[0] == number:
            if before[1] == content:
                return ()  # sent again
            side.lost = True
        kind = header & 3
        if not body or not kind:
            return ()
        if link.is_encrypted:
            return self._sealed(link, sender)
        return self._control(access, link, body) if kind == _CONTROL else self._fragment(link, sender, kind, body)

    def _sealed(self, link: _Link, sender: Sender) -> Sequence[RadioEvent]:
        """Count an encrypted packet; of the first it is said."""
        self._counts["encrypted by the connection (the sniffer has no key)"] += 1
        side = link.sides[sender]
        side.fragments.drop()
        side.fragments.lost = 0
        side.lost = False
        if link.told:
            return ()
        link.told = True
        return (Lost(link, sender, 0, "the connection is encrypted from here on, and cannot be read"),)

    def _fragment(self, link: _Link, sender: Sender, kind: int, body: bytes) -> Sequence[RadioEvent]:
        side = link.sides[sender]
        events: list[RadioEvent] = []
        fragments = side.fragments
        if side.lost:
            side.lost = False
            events.append(Lost(link, sender, 0, "a packet of the radio was not heard"))
            fragments.drop()
        pdu = fragments.begin(body) if kind == _BEGINS else fragments.go_on(body)
        if fragments.lost:
            lost, fragments.lost = fragments.lost, 0
            if not events:
                events.append(Lost(link, sender, lost, f"a PDU is not whole: {lost} bytes of it were not heard"))
        if pdu is not None:
            events.append(Pdu(link, sender, pdu))
        return events

    def _control(self, access: bytes, link: _Link, body: bytes) -> Sequence[RadioEvent]:
        if not body:
            return ()
        if body[0] == _TERMINATE:
            self._links.pop(access, None)
            return (Ended(link),)
        if body[0] == _START_ENCRYPTION:
            link.is_encrypted = True
        elif body[0] in _PAUSED:
            link.is_encrypted = False
        return ()


def _turn(link: _Link, time_ns: int, header: int, body: bytes) -> Sender:
    """Return whose turn it is: the central's after a pause, the other's at the time of an answer."""
    kind = header & 3
    if kind == _BEGINS and len(body) > 4 and body[2] | body[3] << 8 == ATT and body[4] > _MTU_ANSWER:
        return "machine" if body[4] & 1 else "app"
    if kind == _GOES_ON and body:
        beginners = [each for each, side in link.sides.items() if side.fragments.is_open]
        if len(beginners) == 1:
            return beginners[0]
    is_answer = abs(time_ns - link.ends_ns - _PAUSE_NS) <= _SLACK_NS
    return "machine" if is_answer and link.sender == "app" else "app"


_MTU_ANSWER: Final = 0x03
"""Up to this, either side may have sent an ATT PDU. Of the others, the odd ones are a server's."""


class _Heard(NamedTuple):
    """What the header of a link type says of a packet."""

    at: int
    """Where the access address is."""
    sender: Sender | None = None
    is_valid: bool = True
    is_sealed: bool | None = None
    """Whether the packet is encrypted still; None if the header does not say."""


def _with_phdr(data: bytes) -> _Heard:
    flags = data[8] | data[9] << 8
    kind = flags >> 7 & 7
    sender: Sender | None = "app" if kind == _FROM_CENTRAL else "machine" if kind == _FROM_PERIPHERAL else None
    is_valid = not flags & _CHECKED or bool(flags & _VALID)
    return _Heard(_PHDR, sender, is_valid, False if flags & _DECRYPTED else None)


def _nordic(data: bytes) -> _Heard | None:
    if data[6] not in _NORDIC_PACKETS:
        return None
    flags = data[8]
    return _Heard(
        7 + data[7],
        "app" if flags & _NORDIC_CENTRAL else "machine",
        bool(flags & _NORDIC_OK),
        not flags & _NORDIC_DECRYPTED if flags & _NORDIC_ENCRYPTED else None,
    )


_HEADERS: Final[dict[int, Callable[[bytes], _Heard | None]]] = {
    LE_LL: lambda _: _Heard(0),
    LE_LL_WITH_PHDR: _with_phdr,
    NORDIC_BLE: _nordic,
}
