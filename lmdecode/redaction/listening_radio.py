"""Stands where the Records of Bluetooth are made, and hands a copyist what they would have been made of."""

from __future__ import annotations

from collections.abc import Sequence

from lmdecode.codec.bluetooth.conversation import AttConversation
from lmdecode.codec.bluetooth.handles import Device
from lmdecode.codec.bluetooth.messages import Messages
from lmdecode.codec.dialect import LogConversation, OwnerAccess, Place, Tally
from lmdecode.codec.record import Record, Sender
from lmdecode.redaction.copyist import Attribute, Copyist


class HeardMessages(Messages):
    """Makes the Records, which the conversation needs, and hands on what is in them."""

    def __init__(self, place: Place, tally: Tally, device: Device, copyist: Copyist) -> None:
        super().__init__(place, tally, device, show_secrets=True)
        self._at = place
        self._is_replay = False
        self._copyist = copyist

    def wrote(
        self, time_ns: int, characteristic: str, value: bytes, *, secret: bool = False, problems: Sequence[str] = ()
    ) -> Record:
        """Take a value that the app wrote."""
        self._hand_on(time_ns, Attribute("wrote", characteristic, value))
        return super().wrote(time_ns, characteristic, value, secret=secret, problems=problems)

    def subscribed(self, time_ns: int, characteristic: str, value: bytes) -> Record:
        """Take a subscription."""
        self._hand_on(time_ns, Attribute("subscribed", characteristic, value[:2]))
        return super().subscribed(time_ns, characteristic, value)

    def accepted(self, time_ns: int, characteristic: str) -> Record | None:
        """Take the machine's yes."""
        self._hand_on(time_ns, Attribute("accepted", characteristic))
        return super().accepted(time_ns, characteristic)

    def refused(self, time_ns: int, characteristic: str, why: str, *, wrote: bool) -> Record:
        """Take the machine's no."""
        self._hand_on(time_ns, Attribute("refused", characteristic, why=why, wrote=wrote))
        return super().refused(time_ns, characteristic, why, wrote=wrote)

    def asked(self, time_ns: int, characteristic: str) -> Record | None:
        """Take the app's question."""
        self._hand_on(time_ns, Attribute("asked", characteristic))
        return super().asked(time_ns, characteristic)

    def answered(
        self, time_ns: int, characteristic: str, value: bytes, *, secret: bool = False, problems: Sequence[str] = ()
    ) -> Record:
        """Take a value that the app read; of a damaged one nobody knows what it is."""
        if problems:
            self._copyist.leave_out("damaged values")
        else:
            self._hand_on(time_ns, Attribute("answered", characteristic, value))
        return super().answered(time_ns, characteristic, value, secret=secret, problems=problems)

    def expect(self, characteristic: str, *, replay: bool) -> None:
        """Take what a log says of the next notification."""
        self._is_replay = replay
        super().expect(characteristic, replay=replay)

    def notified(
        self, time_ns: int, characteristic: str, value: bytes, *, secret: bool = False, problems: Sequence[str] = ()
    ) -> Record:
        """Take a notification."""
        self._hand_on(time_ns, Attribute("notified", characteristic, value, replay=self._is_replay))
        return super().notified(time_ns, characteristic, value, secret=secret, problems=problems)

    def note(self, time_ns: int, sender: Sender, problem: str, raw: bytes = b"") -> Record:
        """Take what is no message."""
        self._copyist.leave_out("damaged parts of connections")
        return super().note(time_ns, sender, problem, raw)

    def _hand_on(self, time_ns: int, said: Attribute) -> None:
        self._copyist.attribute(self._at, time_ns, said)


def listening_log(place: Place, tally: Tally, copyist: Copyist) -> LogConversation:
    """Return what reads a log of Bluetooth for a copyist."""
    from lmdecode.codec.bluetooth.log import Log  # noqa: PLC0415 -- for few files

    return Log(HeardMessages(place, tally, Device(), copyist))


class RadioListener:
    """Makes the conversations of one reading; what one told of a device's handles is kept for the next."""

    def __init__(self, access: OwnerAccess, copyist: Copyist) -> None:
        self._access = access
        self._copyist = copyist
        self._devices: dict[str, Device] = {}

    def conversation(self, place: Place, tally: Tally) -> AttConversation:
        """Return a conversation."""
        device = self._devices.get(place.machine) or Device(self._access.handles)
        if ":" in place.machine:
            self._devices[place.machine] = device
        messages = HeardMessages(place, tally, device, self._copyist)
        return AttConversation(place, tally, device, show_secrets=True, messages=messages)
