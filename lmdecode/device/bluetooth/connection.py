"""One Bluetooth connection to a machine: found, logged in, then one request at a time.

What the gateway is told before it accepts the token is the token alone. After that it is asked and told what the
requester says, a value at a time, over the `Link`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from lmdecode.allowance import Allowance
from lmdecode.codec.bluetooth.characteristics import (
    COMMAND,
    NOTIFIED,
    OLD_LOGIN,
    PAIRING,
    READ,
    TOKEN,
)
from lmdecode.codec.bluetooth.requester import (
    BOILERS,
    MODE,
    AttError,
    Command,
    Question,
    Request,
    Requester,
    fault,
)
from lmdecode.codec.dialect import Place
from lmdecode.codec.record import Kind, Record
from lmdecode.device.bluetooth.finding import SEARCH_TIME, find_machine
from lmdecode.device.bluetooth.link import Link
from lmdecode.device.bluetooth.radio import Peer, Radio, Sighting
from lmdecode.device.driver import OnRecord
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    ConnectionLostError,
    FloodError,
    MachineError,
    MissingTokenError,
    NoAnswerError,
    NoConnectionError,
    NotToldError,
    RefusedError,
    UnconfirmedError,
    UnreadableError,
    UnsupportedError,
    WrongKeyError,
)
from lmdecode.device.timing import ANSWER_TIMEOUT

T = TypeVar("T")

CONNECT_TIMEOUT: Final = 20.0
"""Seconds that one attempt to connect may take, once the machine was heard."""
_CONNECT_TRIES: Final = 3  # a first attempt fails often: another connection of the radio was in the way
_CONNECT_PAUSE: Final = 0.5  # s
_ASK_TRIES: Final = 2  # of a question whose answer is empty or damaged; each answer belongs to its question
_CLOSE_TIMEOUT: Final = 5.0  # s
_INSTEAD_EVERY: Final = 5.0  # s between two reads of what a gateway without notifications does not say by itself
_SILENCE: Final = 30.0  # s without a word after which a gateway that notifies is asked whether it is there
_BETWEEN: Final = 0.5  # s between two looks at what is due

# Of notifications. A shot brings one a second, of some 100 bytes; statistics, which come after it, have 600.
_UNASKED_AT_ONCE: Final = 1 << 16
_UNASKED_A_SECOND: Final = 1 << 13
_AROUND: Final = 64  # bytes of memory and screen, about, that each takes besides its value

REMARK: Final = (
    "this gateway's firmware reports nothing by itself over Bluetooth, so temperatures and the mode are read every "
    f"{_INSTEAD_EVERY:g} s, and shots do not show"
)
"""What to say once of a gateway without notifications."""
_HOW_TO_GET_ONE: Final = (
    "if you have it, `lmdecode config set ble_token`; `lmdecode credentials FILE` finds it in recorded traffic of the "
    "maker's app; or switch on the machine's Bluetooth pairing mode, as its manual says, and try again at once: the "
    "machine tells its token then"
)


@dataclass(slots=True)
class Known:
    """What one connection learns of a machine for the next."""

    wanted: str
    """What to look for: its name, serial number or address; "" while any machine will do."""
    notifies: bool | None = None
    """Whether its gateway notifies what happens; None while that is not known."""


class BluetoothConnection:
    """A connection to a machine's Bluetooth; a `Connection`.

    Args:
        radio: Opens the radio.
        known: What is known of the machine; what is learnt is noted there.
        token: Its token; "" if it is not known.
        stream: The connection's number, for the Records.
        listens: Whether to have what happens notified, or read where the gateway does not notify.
        timeout: Seconds to wait for an answer.
        search_time: Seconds to look for the machine at most.
        show_secrets: Whether the Records show secrets.
        on_record: Takes the Record of each message, of both sides.
    """

    def __init__(
        self,
        radio: Callable[[], Radio],
        known: Known,
        token: str,
        *,
        stream: int = 0,
        listens: bool = False,
        timeout: float = ANSWER_TIMEOUT,
        search_time: float = SEARCH_TIME,
        show_secrets: bool = False,
        on_record: OnRecord | None = None,
    ) -> None:
        self._open_radio = radio
        self._known = known
        self._token = token
        self._stream = stream
        self._listens = listens
        self._search_time = search_time
        self._show_secrets = show_secrets
        self._on_record = on_record
        self._radio: Radio | None = None
        self._peer: Peer | None = None
        self._requester: Requester | None = None
        self._sighting: Sighting | None = None
        self._turn = asyncio.Lock()
        self._link = Link(known.wanted or "the machine", timeout, self._notified)
        self._tasks: list[asyncio.Task[None]] = []
        self._unasked = Allowance(_UNASKED_AT_ONCE, _UNASKED_A_SECOND)
        self._asked: dict[Question, float] = {}
        self._last_heard = 0.0

    @property
    def name(self) -> str:
        """What messages call the machine: its name, once it was heard."""
        return self._sighting.label if self._sighting else self._known.wanted or "the machine"

    @property
    def signal(self) -> int | None:
        """How strong its signal was when it was found, in dBm; None if that is not known."""
        return self._sighting.rssi if self._sighting else None

    @property
    def lost(self) -> MachineError | None:
        """Why the connection has ended; None while it has not."""
        return self._link.lost

    async def connect(self) -> None:
        """Finds the machine, connects, and logs in. If it listens, notifications may come from then on.

        Raises:
            RadioError: The radio cannot be used, or the machine is not near.
            BusyError: The machine ends the link, as it does while another program is connected.
            WrongKeyError: It refuses the token.
            MissingTokenError: There is no token.
            UnsupportedError: Its gateway is of the generation before, whose login is not spoken here.
            NoConnectionError: There is no connection.
        """
        self._radio = radio = self._open_radio()
        self._sighting = sighting = await find_machine(radio, self._known.wanted, self._search_time)
        self._link.name = sighting.label
        peer, requester = await self._reach(radio, sighting)
        self._requester = requester
        if not self._known.wanted:  # the only one that was near: from now on no other will do
            self._known.wanted = sighting.name if sighting.serial else sighting.address
        self._known.notifies = NOTIFIED in peer.characteristics
        self._last_heard = time.monotonic()
        if self._listens:
            if self._known.notifies:
                try:
                    await self._link.run(requester.listen())
                except AttError as error:
                    raise NoConnectionError(
                        f"{self.name} does not let this program subscribe to its notifications: {error}; try again"
                    ) from None
            self._tasks.append(asyncio.create_task(self._attend()))

    async def close(self) -> None:
        """Disconnects."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._link.lose(ConnectionLostError(f"disconnected from {self.name}"))
        peer, radio = self._peer, self._radio
        self._peer = self._radio = None
        for each in (peer and peer.disconnect, radio and radio.close):
            if each:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_CLOSE_TIMEOUT):
                        await each()

    async def wait_lost(self) -> MachineError:
        """Waits until the connection has ended; returns why."""
        await self._link.wait_over()
        if self._link.lost is None and self._link.failure is not None:
            raise self._link.failure
        return self._link.lost or ConnectionLostError(f"the link to {self.name} is lost")

    async def ask(self, request: Request) -> Record:
        """Asks a question, and returns its answer.

        Raises:
            ConnectionLostError, BusyError, FloodError: The connection has ended, or ends before the answer.
            NotToldError: The machine has no answer to it.
            UnreadableError: The answer is damaged: cut off, or no JSON.
            UnsupportedError: The request is a command.
        """
        if not isinstance(request, Question):
            raise UnsupportedError(f"{request} is a command, not a question")
        async with self._turn:
            requester, peer = self._there()
            if request.is_characteristic and request.name not in peer.characteristics:
                return self._without(request)
            wrong = ""
            for _ in range(_ASK_TRIES):
                self._asked[request] = time.monotonic()
                try:
                    answer = await self._link.run(requester.ask(request))
                except AttError as error:
                    raise NotToldError(f"{self.name} does not tell {request}: {error}") from None
                wrong = fault(request, answer)
                if not wrong:
                    return answer
        if wrong == "is empty":
            raise NotToldError(f"{self.name} has no answer to {request}: it is empty")
        raise UnreadableError(f"the answer to {request} {wrong}")

    def _without(self, request: Question) -> Record:
        """Returns the answer of a machine that does not have a characteristic: a Record that says nothing.

        Machines differ in what they tell of themselves, and nothing was asked.
        """
        return Record(
            time.time_ns(),
            self._stream,
            "machine",
            self.name,
            "app",
            Kind.READ,
            "response",
            generation="bluetooth",
            subject=request.name,
        )

    async def write(self, request: Request) -> None:
        """Sends a command, once, and waits until the machine says what became of it.

        Raises:
            RefusedError: The machine did not take it.
            UnconfirmedError: The machine does not say whether it did as it was told.
            MachineError: The connection has ended; whether the machine took the command is not known.
        """
        if not isinstance(request, Command):
            raise UnsupportedError(f"{request} is a question, not a command")
        async with self._turn:
            requester, _ = self._there()
            try:
                answer = await self._link.run(requester.send(request))
            except AttError as error:
                raise RefusedError(f"the machine did not take {request}: {error}") from None
        if answer.ok is False:
            said = answer.fields.get("command_message") or answer.fields.get("command_status") or "an error"
            raise RefusedError(f"the machine did not take {request}: it answered {str(said)[:80]!r}")
        if answer.ok is None:
            raise UnconfirmedError(f"the machine did not confirm {request}")

    async def _reach(self, radio: Radio, sighting: Sighting) -> tuple[Peer, Requester]:
        """Connects and logs in. A link is often lost at once, where other radios are in the way: then once more.

        Raises:
            BusyError: It does not work.
            MachineError: As for `connect`.
        """
        place = Place(self._stream, "app", sighting.label, name=sighting.name)
        for attempt in range(_CONNECT_TRIES):
            peer = self._peer = radio.peer(sighting, self._link.is_gone)
            self._link.begin(peer)
            requester = Requester(place, time.time_ns, self._tell, show_secrets=self._show_secrets)
            is_connected = False
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await peer.connect()
                is_connected = True
                self._check(peer)
                await self._log_in(requester, peer)
            except TimeoutError:
                why, is_last = "it does not answer", True
            except (ConnectionLostError, AttError) as error:
                why, is_last = str(error), attempt + 1 == _CONNECT_TRIES
            else:
                return peer, requester
            await peer.disconnect()
            if is_last:
                break
            await asyncio.sleep(_CONNECT_PAUSE)
        other = ". If nothing else is connected, the token is another machine's" if is_connected else ""
        raise BusyError(f"no connection to {sighting.label}: {why}; {_ONE_AT_A_TIME}{other}")

    def _check(self, peer: Peer) -> None:
        """Check that the device has what is spoken here.

        Raises:
            UnsupportedError: It is a gateway of the generation before.
            NoConnectionError: It is something else.
        """
        missing = [each for each in (TOKEN, READ, COMMAND) if each not in peer.characteristics]
        if not missing:
            return
        if OLD_LOGIN in peer.characteristics:
            raise UnsupportedError(
                f"{self.name} has a gateway of 2022 to 2025 (v3), and lmdecode does not speak its Bluetooth; it speaks "
                "with such a gateway over the network: `lmdecode status --generation v3 --host ADDRESS`"
            )
        raise NoConnectionError(
            f"{self.name} is not a machine that lmdecode knows: it has no characteristic {', '.join(missing)}; "
            "`lmdecode discover` lists the machines that are near"
        )

    async def _log_in(self, requester: Requester, peer: Peer) -> None:
        token, accepted = self._token, False
        if not token and PAIRING in peer.characteristics:
            token = await self._link.run(requester.pairing_token())
        if not token:
            raise MissingTokenError(f"no token for {self.name}: {_HOW_TO_GET_ONE}")
        with contextlib.suppress(AttError):
            accepted = await self._link.run(requester.log_in(token))
        if not accepted:
            raise WrongKeyError(
                f"{self.name} refuses the token: it is another machine's, or an old one; {_HOW_TO_GET_ONE}"
            )

    def _there(self) -> tuple[Requester, Peer]:
        peer = self._link.peer()
        if self._requester is None or self._peer is None:
            raise ConnectionLostError(f"not connected to {self.name}")
        return self._requester, peer

    def _notified(self, value: bytes) -> None:
        if self._link.is_over or self._requester is None:
            return
        self._last_heard = time.monotonic()
        if not self._unasked.takes(len(value) + _AROUND):
            self._link.lose(
                FloodError(
                    f"{self.name} sends more notifications than a machine does, so it is not one: is its name right?"
                )
            )
            return
        try:
            self._requester.notified(value)
        except Exception as error:  # noqa: BLE001 -- `on_record` may raise anything; whoever asks gets it
            self._link.fail(error)

    async def _attend(self) -> None:
        """Reads what a gateway does not say by itself, and sees whether one that says nothing is still there."""
        every = {MODE: _INSTEAD_EVERY, BOILERS: _INSTEAD_EVERY}
        while self._link.lost is None:
            now = time.monotonic()
            due = [each for each, seconds in every.items() if now - self._asked.get(each, -seconds) >= seconds]
            if self._known.notifies:
                last = max(self._last_heard, *self._asked.values(), 0.0)
                due = [MODE] if now - last >= _SILENCE else []
            for question in due:
                try:
                    await self.ask(question)
                except (NoAnswerError, BadAnswerError):
                    pass
                except MachineError:
                    return
            await asyncio.sleep(_BETWEEN)

    def _tell(self, record: Record) -> None:
        if record.sender == "machine":
            self._last_heard = time.monotonic()
        if self._on_record is not None:
            self._on_record(record)


_ONE_AT_A_TIME: Final = (
    "a machine takes one Bluetooth connection at a time: close the maker's app, or switch off Bluetooth on the "
    "telephone, and try again"
)
