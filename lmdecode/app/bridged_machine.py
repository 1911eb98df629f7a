"""One machine of a bridge: it is read again and again, and changed on command.

A machine takes one connection at a time. So by default a bridge connects, reads, and disconnects, and the app gets in
between. `stay` keeps the connection, for the reports that a machine sends by itself; then the app stays out.

Whoever is refused because somebody else is connected knows that the machine is there. That is "busy", and what was
read last holds for a quarter of an hour: nobody looks at an app for longer, and a boiler needs longer to get cold. Only
then, or when the machine is not there at all, the values are no longer offered as good.

An address may become another machine's. A command is for the machine that its topic names, so the serial number is read
before each write. Once another one has shown, everything that is known of the first is forgotten.

So many changes are made at once as a scene for the whole week needs, and then some each minute. What switches the
machine off is never one too many.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from lmdecode.allowance import Allowance
from lmdecode.analysis.entities import Entity, change_of, entities_of
from lmdecode.analysis.state import LiveMachine
from lmdecode.app.live import answered_within, memory_driver, session_for, whole
from lmdecode.app.mqtt import seconds_passed
from lmdecode.app.send import LastWrite
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.printable import printable
from lmdecode.codec.record import Value
from lmdecode.codec.v1.windows import SERIAL_NUMBER
from lmdecode.device.core import Preview, State, making, pauses, previewing
from lmdecode.device.errors import BadAnswerError, BusyError, MachineError, NoAnswerError, WrongKeyError, joined
from lmdecode.device.session import read_all
from lmdecode.device.v1.driver import plan_of
from lmdecode.device.watch import Polling
from lmdecode.render.home_assistant import topic_id

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.codec.v1.memory import Memory
    from lmdecode.codec.v1.message import Message
    from lmdecode.config.targets import Target
    from lmdecode.device.v1.session import MemorySession

CONNECTED: Final = "connected"
BUSY: Final = "busy"
AWAY: Final = "offline"
REFUSED: Final = "refused"
"""The state of a command of which nothing was sent."""

_BUSY_SECONDS: Final = 900.0  # s for which a busy machine's last values hold
_FAILURES: Final = 2  # in a row, after which a machine that was there is not any more
_ALL_SECONDS: Final = 600.0  # s between two reads of everything
_LONGEST_PAUSE: Final = 60.0
_STALE: Final = 5.0  # s after which a command is not carried out any more: who gave it has given up, or left
_CHANGES_AT_ONCE: Final = 40  # the schedule of a week has 22 entities; doses and times of a GS3 AV are 18
_CHANGES: Final = 0.1  # a second from then on
_HEATERS: Final = frozenset({"power", "steam_boiler_enable"})
_TOO_MANY: Final = f"too many changes: after {_CHANGES_AT_ONCE} at once the bridge makes {60 * _CHANGES:g} a minute"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command."""

    state: str
    """One of `State`, or `REFUSED`."""
    complaint: str = ""
    now: Value | None = None
    """The value that the machine holds; None if it was not read."""


class BridgedMachine:
    """Reads a machine until cancelled, and changes its settings.

    Args:
        target: The machine.
        every: Seconds between two reads of the status.
        stay: Whether to keep the connection.
        timeout: Seconds to wait for an answer.
        tell: Takes each event, in words.
        on_change: Called when there may be something new to publish.
    """

    def __init__(
        self,
        target: Target,
        *,
        every: float,
        stay: bool,
        timeout: float,
        tell: Callable[[str], None],
        on_change: Callable[[BridgedMachine], None],
    ) -> None:
        self.name = target.name or joined(target.host, target.port)
        """What messages call it."""
        self.live = LiveMachine()
        self.id = ""
        """Its level of the topics; "" until it was read, also after another machine has taken its address."""
        self.link = ""
        """`CONNECTED`, `BUSY` or `AWAY`; "" before the first attempt."""
        self.link_since_ns = time.time_ns()
        self.why = ""
        """Why it is not connected."""
        self.read_ns = 0
        """When it was last heard of, in nanoseconds since 1970."""
        self._target = target
        self._every = every
        self._stay = stay
        self._timeout = timeout
        self._tell = tell
        self._on_change = on_change
        self._turn = asyncio.Lock()
        self._session: MemorySession | None = None
        self._driver = memory_driver(target, timeout=timeout)
        self._polling = Polling(every, self._driver.polls())
        self._all_at = -_ALL_SECONDS
        self._read_at = 0.0
        self._failures = 0
        self._last_write = LastWrite()
        self._serial = ""
        self._ever = False
        self._changes = Allowance(_CHANGES_AT_ONCE, _CHANGES)

    @property
    def model(self) -> str | None:
        """The model: that of the config, or the one that the machine shows."""
        return self._target.model or self.live.model

    @property
    def title(self) -> str:
        """What people call it: its name in the config, or in the machine; without one its address or serial number."""
        fields, target = self.live.fields, self._target
        if target.name and target.name not in {target.host, fields.get("machine_ser_num")}:
            return target.name
        own = fields.get("machine_name")
        return own if isinstance(own, str) and own.strip() else self.name

    @property
    def entities(self) -> list[Entity]:
        """What the machine has."""
        return entities_of(self.model, self.live.fields)

    @property
    def values(self) -> dict[str, Value]:
        """The values of its entities."""
        fields = self.live.fields
        return {each.name: fields[each.name] for each in self.entities}

    @property
    def is_good(self) -> bool:
        """Whether the values hold."""
        busy = self.link == BUSY and time.monotonic() - self._read_at < _BUSY_SECONDS
        return bool(self.id) and (self.link == CONNECTED or busy)

    async def run(self, broker: asyncio.Event) -> NoReturn:
        """Reads the machine until cancelled, while somebody listens.

        Args:
            broker: Set while there is a broker to tell.

        Raises:
            WrongKeyError: The key is not the machine's.
        """
        waits = pauses(1.0, _LONGEST_PAUSE)
        while True:
            if not broker.is_set():
                await self._let_go()
                await broker.wait()
            await self.read()
            failed = min(self._failures, len(waits))
            await asyncio.sleep(max(self._every, waits[failed - 1]) if failed else self._every)

    async def read(self) -> bool:
        """Reads what is due; returns whether the machine could be read.

        Raises:
            WrongKeyError: The key is not the machine's.
        """
        async with self._turn:
            try:
                await answered_within(whole(self._timeout), self._read_due(self._connection()))
            except WrongKeyError as error:
                await self._let_go()
                if not self._ever:
                    raise
                self._fail(error)
            except MachineError as error:
                await self._let_go()
                self._fail(error)
            else:
                self._succeed()
            finally:
                if not self._stay:
                    await self._let_go()
        self._on_change(self)
        return self.link == CONNECTED

    async def change(self, entity: Entity, text: str, *, received: float) -> Answer:
        """Gives a setting a value, with the checks of `lmdecode send`; returns what came of it.

        Args:
            entity: The setting.
            text: The value, as it came.
            received: When it came, by `seconds_passed`.
        """
        try:
            change_of(entity, text, model=self.model)
        except LmdecodeError as error:  # what can be seen at once needs no connection
            return Answer(REFUSED, str(error))
        of = self.id
        async with self._turn:
            if of != self.id:
                return Answer(REFUSED, "another machine has its address now, so nothing was sent")
            self._last_write = LastWrite()
            session = self._connection()
            try:
                found = await answered_within(whole(self._timeout), self._preview(session, entity, text))
                if seconds_passed() - received > _STALE:
                    return Answer(REFUSED, f"the machine could not be read within {_STALE:g} s, so nothing was sent")
                if not (found.unchanged or switches_off(entity, text) or self._changes.takes(1)):
                    return Answer(REFUSED, _TOO_MANY)
                outcome = await session.run(making(found))
            except LmdecodeError as error:
                await self._let_go()
                if self._is_another:
                    self._forget()
                    self._on_change(self)
                sent = self._last_write.plaintext is not None
                return Answer(State.UNKNOWN if sent else REFUSED, str(error))
            finally:
                self._last_write = LastWrite()
                if not self._stay:
                    await self._let_go()
        result = outcome.results[0]
        self._on_change(self)
        return Answer(result.state.value, "; ".join(filter(None, (*found.doubts, outcome.complaint))), result.found)

    async def _preview(self, session: MemorySession, entity: Entity, text: str) -> Preview[Message, Memory]:
        """Reads what a command would change, of the machine that it is for and of no other.

        Raises:
            LmdecodeError: Another machine answers, or the value is not for this one, or it cannot be read.
        """
        with suppress(NoAnswerError, BadAnswerError):  # not every machine tells
            await session.read(SERIAL_NUMBER.address, SERIAL_NUMBER.length)
        if self._is_another:
            raise MachineError(f"{self._other}, so nothing was sent")
        # The model may have shown only after the command came, or be another one's since.
        plan = plan_of([change_of(entity, text, model=self.model)], model=self.model)
        return await session.run(previewing(plan))

    @property
    def interruption(self) -> str:
        """What to say if the program ends just now; "" if no write is under way."""
        return self._last_write.interruption if self._turn.locked() else ""

    async def close(self) -> None:
        """Disconnects."""
        await self._let_go()

    def _connection(self) -> MemorySession:
        if self._session is None:
            self._session = session_for(self._target, timeout=self._timeout, on_record=self._take)
        return self._session

    async def _let_go(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _read_due(self, session: MemorySession) -> None:
        now = time.monotonic()
        if now - self._all_at >= _ALL_SECONDS:
            answers = [answer async for _, answer in read_all(session, self._driver.snapshot())]
            errors = [each for each in answers if isinstance(each, Exception)]
            if len(errors) == len(answers):
                raise errors[0]
            self._all_at = now
            return
        while (due := self._polling.next)[1] <= now:
            query = due[0]
            if query is None:
                return
            try:
                await session.ask(query.request)
            except (NoAnswerError, BadAnswerError):
                self._polling.silent(query, now)
                if query.name == "status":
                    raise
            else:
                self._polling.answered(query, now)

    def _take(self, record: Record) -> None:
        self._last_write.note(record)
        self.live.feed(record)
        if record.sender == "machine" and not record.problems:
            self.read_ns = record.time_ns
            self._read_at = time.monotonic()
            if self._stay and self.link == CONNECTED and not self._is_another:
                self._on_change(self)

    def _succeed(self) -> None:
        self._failures = 0
        if self._is_another:
            self._forget()
            return
        self._ever = True
        self._serial = self._serial or self._shown_serial
        if not self.id:
            self.id = topic_id(self._serial or self.name)
        if self.link != CONNECTED:
            what = " ".join(filter(None, (self.model, self._shown_serial)))
            self._set(CONNECTED, "", f"connected{' again' if self.link else ''}{f': {what}' if what else ''}")

    @property
    def _shown_serial(self) -> str:
        return str(self.live.fields.get("machine_ser_num") or "")

    @property
    def _is_another(self) -> bool:
        return bool(self._serial) and self._shown_serial != self._serial

    @property
    def _other(self) -> str:
        return (
            f"another machine answers at this address: {printable(self._shown_serial)}, not {printable(self._serial)}"
        )

    def _forget(self) -> None:
        """Forgets the machine; the next read reads all of the one that has taken its address."""
        self._tell(f"{self.name}: {self._other}; it is published by its own serial number from now on")
        self.live = LiveMachine()
        self.id = self._serial = self.link = ""
        self._all_at = -_ALL_SECONDS

    def _fail(self, error: MachineError) -> None:
        self._failures += 1
        # A machine that has a client may refuse the next one, take it and say nothing, or take it and close.
        busy = isinstance(error, BusyError) or isinstance(error.__context__, ConnectionRefusedError)
        state = BUSY if busy else AWAY
        if state == AWAY and self.link in {CONNECTED, BUSY} and self._failures < _FAILURES:
            return  # one lost packet is no news
        if state != self.link:
            # At first it may be another machine's address; later it is the app.
            taken = "the app or another program is connected to it, or it is not ready"
            why = taken if busy and self.id else str(error)
            self._set(state, str(error), f"{state}: {why}; the bridge tries again")

    def _set(self, link: str, why: str, told: str) -> None:
        self.link, self.why, self.link_since_ns = link, why, time.time_ns()
        self._tell(f"{self.name}: {told}")


def switches_off(entity: Entity, text: str) -> bool:
    """Returns whether a command switches a heater off; that should not wait behind others, or be one too many."""
    try:
        return entity.name in _HEATERS and change_of(entity, text, model=None).expected is False
    except LmdecodeError:
        return False
