"""One connection to a machine of v1, whose memory is read in bytes."""

from __future__ import annotations

from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.requester import label
from lmdecode.device.client import Client
from lmdecode.device.errors import BadAnswerError


class MemoryClient(Client[Message]):
    """A connection to a machine of v1; see `Client`."""

    async def read(self, address: int, length: int) -> bytes:
        """Reads bytes of the machine's memory.

        Args:
            address: The address of the first byte.
            length: The number of bytes; machines do not answer reads of more than 48.

        Raises:
            MachineError: As for `ask`.
        """
        return bytes_of(await self.ask(Message(Kind.READ, address, length)))


def bytes_of(answer: Record) -> bytes:
    """Returns the bytes of a read's answer.

    Raises:
        BadAnswerError: Some of them are secret, and secrets are not shown.
    """
    try:
        return bytes.fromhex(answer.data or "")
    except ValueError:
        window = Message(Kind.READ, answer.address or 0, answer.length or 0)
        raise BadAnswerError(f"{label(window)} holds a secret, which is withheld") from None
