"""A host's log: what passes between a computer or a telephone and its Bluetooth radio (HCI).

Each packet is a command, an event, or a fragment of L2CAP (ACL data) of the connection with some handle. The radio has
taken care of retransmissions and encryption, so this is in the clear, whole and in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from lmdecode.capture.net.bluetooth import (
    HCI_H4,
    HCI_H4_WITH_PHDR,
    Began,
    Ended,
    Heard,
    Lost,
    Pdu,
    RadioEvent,
    address_text,
)
from lmdecode.capture.net.bluetooth_advertising import advertised
from lmdecode.capture.net.bluetooth_l2cap import Fragments
from lmdecode.codec.record import Sender

_ACL, _EVENT = 2, 4
_DISCONNECTED, _COMMAND_DONE, _LOW_ENERGY = 0x05, 0x0E, 0x3E
_CONNECTED: Final = frozenset((0x01, 0x0A, 0x29))
"""Events of Low Energy: a connection, in three versions that begin alike."""
_OWN_ADDRESS: Final = {0x0A: slice(12, 18), 0x29: slice(12, 18)}
"""Where the later versions have the private address that the host uses."""
_ADVERTISED, _EXTENDED = 0x02, 0x0D
_READ_ADDRESS: Final = 0x1009  # the command by which a host asks for its radio's address
_CENTRAL: Final = 0
_GOES_ON: Final = 1
_MONITOR: Final = {3: (_EVENT, False), 4: (_ACL, True), 5: (_ACL, False)}
"""Opcodes of Linux' monitor: the kind of packet, and whether the host sent it."""
_ADAPTER_AT: Final = {0: 6, 10: 4}
"""Opcodes of Linux' monitor that tell an adapter's address (a new one, and what is said of one), and where it is."""
_MOST: Final = 4096  # connections at once; a handle has 12 bits


class _Link:
    """One connection of a host."""

    __slots__ = ("fragments", "senders")

    def __init__(self, *, is_central: bool) -> None:
        self.senders: dict[bool, Sender] = {is_central: "app", not is_central: "machine"}
        self.fragments: dict[bool, Fragments] = {True: Fragments(), False: Fragments()}


class HostLog:
    """Reads the packets of one link type.

    Args:
        link_type: Its LINKTYPE_ number.
        counts: What could not be read is counted in it.
    """

    def __init__(self, link_type: int, counts: Counter[str]) -> None:
        self._link_type = link_type
        self._counts = counts
        self._links: dict[tuple[int, int], _Link] = {}  # by adapter and handle
        self._own: dict[int, str] = {}

    def read(self, _time_ns: int, data: bytes, missing: int) -> Sequence[RadioEvent]:
        """Return what a packet tells. Raises IndexError if it is not whole."""
        adapter = 0
        if self._link_type == HCI_H4_WITH_PHDR:
            kind, is_sent, at = data[4], not data[3] & 1, 5
        elif self._link_type == HCI_H4:
            kind, is_sent, at = data[0], None, 1
        else:
            adapter = data[0] << 8 | data[1]
            opcode = data[2] << 8 | data[3]
            found = _MONITOR.get(opcode)
            if found is None:
                if opcode in _ADAPTER_AT and len(data) >= _ADAPTER_AT[opcode] + 6:
                    self._own[adapter] = address_text(data[_ADAPTER_AT[opcode] : _ADAPTER_AT[opcode] + 6])
                return ()
            kind, is_sent, at = *found, 4
        if kind == _ACL:
            return self._acl(adapter, data, at, missing, is_sent=is_sent)
        return self._event(adapter, data, at) if kind == _EVENT else ()

    def _acl(self, adapter: int, data: bytes, at: int, missing: int, *, is_sent: bool | None) -> Sequence[RadioEvent]:
        word = data[at] | data[at + 1] << 8
        size = data[at + 2] | data[at + 3] << 8
        payload = data[at + 4 : at + 4 + size]
        key = adapter, word & 0xFFF
        is_first = word >> 12 & 3 != _GOES_ON
        if is_sent is None:
            # This link type has no direction. A host begins with "not flushable", a radio with "flushable" (Core
            # specification, volume 4, part E, 5.4.2); what goes on belongs to who has begun.
            is_sent = self._side(key, is_first=is_first, flag=word >> 12 & 3)
        link = self._links.get(key)
        if link is None:
            if not is_first or len(self._links) >= _MOST:
                return ()
            link = self._links[key] = _Link(is_central=True)  # it began before the capture
        fragments = link.fragments[is_sent]
        sender = link.senders[is_sent]
        if missing or len(payload) < size:
            lost = size - len(payload)
            self._counts["cut short by the telephone's log (set it to full, not filtered)"] += 1
            fragments.drop()
            fragments.lost = 0
            channel = payload[2] | payload[3] << 8 if len(payload) > 3 and is_first else None
            return (
                (Lost(link, sender, lost, f"cut short by the log: {lost} bytes are missing"),) if channel == 4 else ()
            )
        pdu = fragments.begin(payload) if is_first else fragments.go_on(payload)
        if fragments.lost:
            lost, fragments.lost = fragments.lost, 0
            said = Lost(link, sender, lost, f"a PDU is not whole: {lost} bytes of it are not in the capture")
            return (said,) if pdu is None else (said, Pdu(link, sender, pdu))
        return () if pdu is None else (Pdu(link, sender, pdu),)

    def _side(self, key: tuple[int, int], *, is_first: bool, flag: int) -> bool:
        link = self._links.get(key)
        if is_first:
            return flag == 0
        return link is not None and link.fragments[True].is_open

    def _event(self, adapter: int, data: bytes, at: int) -> Sequence[RadioEvent]:
        code = data[at]
        at += 2  # behind the length
        if code == _LOW_ENERGY:
            kind = data[at]
            if kind in _CONNECTED:
                return self._connected(adapter, data[at:])
            if kind == _ADVERTISED:
                return _reports(data, at + 1)
            return _extended_reports(data, at + 1) if kind == _EXTENDED else ()
        if code == _DISCONNECTED:
            key = adapter, (data[at + 1] | data[at + 2] << 8) & 0xFFF
            link = None if data[at] else self._links.pop(key, None)
            return () if link is None else (Ended(link),)
        if code == _COMMAND_DONE and data[at + 1] | data[at + 2] << 8 == _READ_ADDRESS and len(data) >= at + 10:
            self._own[adapter] = address_text(data[at + 4 : at + 10])
        return ()

    def _connected(self, adapter: int, event: bytes) -> Sequence[RadioEvent]:
        if event[1]:  # it failed
            return ()
        key = adapter, (event[2] | event[3] << 8) & 0xFFF
        is_central = event[4] == _CENTRAL
        other = address_text(event[6:12])
        if len(event) < 12:
            raise IndexError
        own = self._own.get(adapter, "")
        private = event[_OWN_ADDRESS[event[0]]] if event[0] in _OWN_ADDRESS else b""
        if not own and len(private) == 6 and any(private):
            own = address_text(private)
        before = self._links.pop(key, None)
        link = self._links[key] = _Link(is_central=is_central)
        began = Began(link, own, other) if is_central else Began(link, other, own)
        return (began,) if before is None else (Ended(before), began)


def _reports(data: bytes, at: int) -> list[RadioEvent]:
    """The devices in an advertising report."""
    found: list[RadioEvent] = []
    count = data[at]
    at += 1
    for _ in range(count):
        size = data[at + 8]
        found += _heard(data[at + 2 : at + 8], data[at + 9 : at + 9 + size])
        at += 10 + size  # with the strength of the signal
    return found


def _extended_reports(data: bytes, at: int) -> list[RadioEvent]:
    found: list[RadioEvent] = []
    count = data[at]
    at += 1
    for _ in range(count):
        size = data[at + 23]
        found += _heard(data[at + 3 : at + 9], data[at + 24 : at + 24 + size])
        at += 24 + size
    return found


def _heard(address: bytes, data: bytes) -> list[RadioEvent]:
    name, is_machines = advertised(data)
    return [Heard(address_text(address), name, is_machines)] if name or is_machines else []
