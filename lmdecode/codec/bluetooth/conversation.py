"""One connection of Bluetooth between an app and a machine."""

from __future__ import annotations

from lmdecode.codec.dialect import Conversation, OwnerAccess, Place, Simple, Speaker, Tally
from lmdecode.codec.no_bytes import NoBytes
from lmdecode.codec.record import Record


def speaker(access: OwnerAccess) -> Speaker:  # noqa: ARG001
    """Return the dialect with an owner's access in it."""

    def converse(place: Place, tally: Tally) -> Conversation[Record]:
        return NoBytes(place, tally, "bluetooth")

    return Simple(converse)
