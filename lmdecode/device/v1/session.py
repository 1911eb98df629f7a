"""A machine of v1 over one connection after another: its memory is read and written.

v1 has no request numbers. So a read is repeated only on a new connection: on the old one, a late answer to the first
read would be taken for the answer to the second.
"""

from __future__ import annotations

from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.message import Message
from lmdecode.device.session import Session
from lmdecode.device.v1.client import bytes_of


class MemorySession(Session[Message]):
    """Reads and writes a machine's memory over connections that may fail; see `Session`."""

    async def read(self, address: int, length: int) -> Record:
        """Reads a window, several times if need be; returns the answer.

        Raises:
            MachineError: As for `Client.ask`, in the last try.
        """
        return await self.ask(Message(Kind.READ, address, length))

    async def data(self, address: int, length: int) -> bytes:
        """Reads a window; returns its bytes.

        Raises:
            MachineError: As for `read`; also if a part of the window is secret, and secrets are not shown.
        """
        return bytes_of(await self.read(address, length))

    async def write(self, request: Message) -> None:
        """Writes, once.

        Raises:
            RefusedError: The machine did not take the write.
            MachineError: Something else failed; if the write was sent, it is not known whether the machine took it.
        """
        await self.send(request)
