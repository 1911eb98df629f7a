"""The air between simulated radios: controllers in memory that hear each other, and are offered as HCI over TCP.

Each program that connects gets a radio of its own, as if it had plugged one in. When it goes, or dies in the middle,
its radio is gone, and whoever was connected to it finds its link lost: as in a room.

bumble's virtual controllers do most of that. What they do not do is done here:

- `LocalLink` takes every sender's random address for its own, so that nothing arrives from a host that uses its public
  one. It also raises where a radio has just gone.
- A controller that is not connectable any more leaves a central that was too late believing that it is connected.
- A controller's handlers raise on packets that make no sense, in a callback of the loop, which would print a traceback.
- One that is reset keeps its connections. So each client gets a new one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, cast

from bumble import hci, ll
from bumble.controller import Controller
from bumble.core import InvalidArgumentError, InvalidPacketError, PhysicalTransport
from bumble.link import LocalLink
from bumble.transport.common import PacketParser, TransportSink

from lmdecode.allowance import Allowance

_MOST_CLIENTS: Final = 8
_BACKLOG: Final = 1 << 20  # bytes; a client that does not read is gone
_PIECE: Final = 512  # bytes that are looked at before it is seen whether they are too many
_AT_ONCE: Final = 2000  # packets of a program; to read a machine whole takes some hundred
_A_SECOND: Final = 500
_TIMED_OUT: Final = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
_NOT_ESTABLISHED: Final = hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR


class Air(LocalLink):
    """The air: what one radio sends, the others hear."""

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Send data from the address that the sender has on this link, and not from its random one whatever it uses."""
        link = sender_controller.le_connections.get(destination_address)
        destination = self.find_le_controller(destination_address)
        if link is not None and destination is not None:
            asyncio.get_running_loop().call_soon(destination.on_link_acl_data, link.self_address, transport, data)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Send to another radio, if it is still there."""
        with contextlib.suppress(InvalidArgumentError):
            super().send_ll_control_pdu(sender_address, receiver_address, packet)


class Radio(Controller):
    """A radio in the air.

    Args:
        air: The air.
        name: For bumble's log.
        address: Its public address.
    """

    def __init__(self, air: Air, name: str, address: str) -> None:
        super().__init__(name, link=air, public_address=address)
        self._air = air

    def on_packet(self, packet: bytes) -> None:
        """Take a packet from the host; one that makes no sense is ignored, as radios do."""
        with contextlib.suppress(Exception):
            super().on_packet(packet)

    def on_link_acl_data(self, sender_address: hci.Address, transport: PhysicalTransport, data: bytes) -> None:
        """Take data from another radio."""
        with contextlib.suppress(Exception):
            super().on_link_acl_data(sender_address, transport, data)

    def on_ll_control_pdu(self, sender_address: hci.Address, packet: ll.ControlPdu) -> None:
        """Take what another radio says of the link; both sides may end it at once."""
        with contextlib.suppress(Exception):
            super().on_ll_control_pdu(sender_address, packet)

    def on_le_connect_ind(self, packet: ll.ConnectInd) -> None:
        """Take a central that connects; tell one that is too late, or it would believe that it is connected."""
        super().on_le_connect_ind(packet)
        mine = {self.random_address, self.public_address, *(each.address for each in self.advertising_sets.values())}
        if packet.advertiser_address in mine and packet.initiator_address not in self.le_connections:
            self._air.send_ll_control_pdu(
                packet.advertiser_address, packet.initiator_address, ll.TerminateInd(_NOT_ESTABLISHED)
            )

    def leave(self) -> None:
        """Leave the air, as a radio whose power fails. Its peers find that their links are lost."""
        for link in [*self.le_connections.values()]:
            link.send_ll_control_pdu(ll.TerminateInd(_TIMED_OUT))
        self.le_legacy_advertiser.stop()
        for each in self.advertising_sets.values():
            each.stop()
        self.host = None
        # The air finds a peer by the links that it has, and whom to tell is found later.
        asyncio.get_running_loop().call_soon(self._air.controllers.discard, self)


class _Counted:
    """Takes a program's packets for its radio, and counts them."""

    def __init__(self, client: Client, radio: Radio) -> None:
        self._client = client
        self._radio = radio

    def on_packet(self, packet: bytes) -> None:
        self._client.packet_taken()
        self._radio.on_packet(packet)


class Client(asyncio.Protocol):
    """A program that has a radio over TCP.

    Args:
        air: The air.
        clients: The clients that there are; this one is added, and removed when it is gone.
        on_note: Takes what happens, in words.
    """

    def __init__(self, air: Air, clients: set[Client], on_note: Callable[[str], None]) -> None:
        self._air = air
        self._clients = clients
        self._note = on_note
        self._transport: asyncio.Transport | None = None
        self._radio: Radio | None = None
        self._parser = PacketParser()
        self._packets = 0  # that came from the program
        self._allowance = Allowance(_AT_ONCE, _A_SECOND)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the program a radio."""
        self._transport = cast("asyncio.Transport", transport)
        if len(self._clients) >= _MOST_CLIENTS:
            self._note(f"a program that wants a radio is turned away: {_MOST_CLIENTS} have one")
            self._transport.abort()
            return
        numbers = {id(each) for each in self._clients}
        self._clients.add(self)
        self._radio = Radio(self._air, f"client {len(numbers)}", f"02:4C:4D:00:00:{len(numbers):02X}")
        self._radio.host = cast("TransportSink", self)
        self._parser.set_packet_sink(cast("TransportSink", _Counted(self, self._radio)))
        self._note("a program has a radio of this air")

    def data_received(self, data: bytes) -> None:
        """Hand packets to the radio. What is no HCI cannot be followed any more; a flood would keep all from theirs."""
        for start in range(0, len(data), _PIECE):
            before = self._packets
            try:
                self._parser.feed_data(data[start : start + _PIECE])
            except InvalidPacketError:
                self._turn_away("a program that does not speak HCI is turned away")
                return
            if not self._allowance.takes(self._packets - before):
                self._turn_away("a program that tells its radio more than any means is turned away")
                return

    def packet_taken(self) -> None:
        """Count a packet of the program."""
        self._packets += 1

    def _turn_away(self, why: str) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._note(why)
            self._transport.abort()

    def on_packet(self, packet: bytes) -> None:
        """Take a packet from the radio."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > _BACKLOG:
            self._note("a program does not read what its radio says: it is turned away")
            transport.abort()
            return
        transport.write(packet)

    def connection_lost(self, _error: Exception | None) -> None:
        """Take the radio away."""
        self._clients.discard(self)
        if self._radio is not None:
            self._radio.leave()
            self._radio = None
            self._note("a program and its radio are gone")

    def close(self) -> None:
        """Turn the program away."""
        if self._transport is not None:
            self._transport.abort()


class Radios:
    """Offers radios over TCP.

    Args:
        air: The air.
        on_note: Takes what happens, in words.
    """

    def __init__(self, air: Air, on_note: Callable[[str], None]) -> None:
        self._air = air
        self._note = on_note
        self._clients: set[Client] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> int:
        """Listen; returns the port.

        Raises:
            OSError: The address or the port is not available.
            UnicodeError: The host is not an address.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Client(self._air, self._clients, self._note), host, port)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening, and take all radios away."""
        if self._server is not None:
            self._server.close()
        for each in [*self._clients]:
            each.close()
