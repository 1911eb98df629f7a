"""One client of the simulated machine, and what is said with it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable

from lmdecode.codec.record import Record, Sender
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key

__all__ = ["Connection", "peer_name"]


class Connection:
    """One client. What is said with it goes through a Conversation, so that a log tells it as a capture does."""

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        key: Key,
        *,
        number: int,
        machine: str,
        on_record: Callable[[Record], None] | None,
    ) -> None:
        self.writer = writer
        self.muted = False
        """Whether nothing is said to it any more."""
        self._observe = on_record
        self._conversation = Conversation(FrameDecoder(key), stream=number, app=peer_name(writer), machine=machine)

    def send(self, data: bytes) -> None:
        """Send, and note what was said."""
        if data:
            self.writer.write(data)
            self.note("machine", data)

    def note(self, sender: Sender, data: bytes) -> None:
        """Note what was said."""
        if self._observe is not None:
            for record in self._conversation.receive(time.time_ns(), sender, data):
                self._observe(record)

    def finish(self) -> None:
        """Note what was held back for its frame to become whole."""
        if self._observe is not None:
            for record in self._conversation.close(time.time_ns()):
                self._observe(record)

    def reset(self) -> None:
        """Close so that the other side gets a RST, as from a machine whose power went."""
        connected: socket.socket = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def peer_name(writer: asyncio.StreamWriter) -> str:
    """The client, as host:port, an IPv6 host in brackets."""
    peer = writer.get_extra_info("peername") or ("?", 0)
    host, port = peer[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
