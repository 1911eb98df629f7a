"""One machine of a bridge, in whichever generation: it is read again and again, and changed on command.

A machine takes one connection at a time. So by default a bridge connects, reads, and disconnects, and the app gets in
between. `stay` keeps the connection, for what a machine tells by itself; then the app stays out.

Whoever is refused because somebody else is connected knows that the machine is there. That is "busy", and what was
read last holds for a quarter of an hour: nobody looks at an app for longer, and a boiler needs longer to get cold. Only
then, or when the machine is not there at all, the values are no longer offered as good.

An address may become another machine's. A command is for the machine that its topic names, so the serial number is
looked at before each write: v1 is asked for it, and over Bluetooth each connection says it. Once another machine has
shown, everything that is known of the first is forgotten.

So many changes are made at once as a scene for the whole week needs, and then some each minute. What switches the
machine off is never one too many.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from lmdecode.allowance import Allowance
from lmdecode.analysis.entities import Entity, value_of
from lmdecode.analysis.machine_entities import SHOTS, entities_for, values_with
from lmdecode.analysis.pour import What
from lmdecode.analysis.state import LiveMachine
from lmdecode.app.live import answered_within, driver_for, whole
from lmdecode.app.mqtt import seconds_passed
from lmdecode.app.setting_plans import plan_for
from lmdecode.app.targets import settled
from lmdecode.codec.errors import LmdecodeError, RegisterError
from lmdecode.codec.printable import printable
from lmdecode.codec.record import Value
from lmdecode.config.targets import BluetoothTarget
from lmdecode.device.changing import Preview, State, making, previewing
from lmdecode.device.core import TRIES, Connect, Steps, pauses
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    MachineError,
    NoAnswerError,
    NotNearError,
    RadioError,
    UnsupportedError,
    WrongKeyError,
)
from lmdecode.device.session import Session, read_all
from lmdecode.device.watch import Polling
from lmdecode.render.home_assistant import topic_id

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.config.targets import AnyTarget
    from lmdecode.device.driver import Connection, Driver

T = TypeVar("T")

CONNECTED: Final = "connected"
BUSY: Final = "busy"
AWAY: Final = "offline"
REFUSED: Final = "refused"
"""The state of a command of which nothing was sent."""

_BUSY_SECONDS: Final = 900.0  # s for which a busy machine's last values hold
_FAILURES: Final = 2  # in a row, after which a machine that was there is not any more
_ALL_SECONDS: Final = 600.0  # s between two reads of everything
_SILENT_SECONDS: Final = 3600.0  # s until a question without an answer is asked again: each costs three connections
_PUSHED: Final = 60.0  # s between two reads of what the newer generations push meanwhile
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
        driver: What talks to it; None: as its generation does.
    """

    def __init__(
        self,
        target: AnyTarget,
        *,
        every: float,
        stay: bool,
        timeout: float,
        tell: Callable[[str], None],
        on_change: Callable[[BridgedMachine], None],
        driver: Driver[Any] | None = None,
    ) -> None:
        self._driver: Driver[Any] = driver_for(target, timeout=timeout) if driver is None else driver
        self.address = self._driver.name
        """Where it is: its host:port, or what its Bluetooth is looked for by. The same after a restart."""
        self.name = target.name or self._driver.name
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
        self._session: Session[Any] | None = None
        self._set_polls()
        self._all_at = -_ALL_SECONDS
        self._read_at = 0.0
        self._failures = 0
        self._under_way = ""
        self._serial = ""
        self._device = ""  # whose the present connection is, where each connection says it
        self._ever = False
        self._remarks = set[str]()
        self._silent_until: dict[str, float] = {}  # by question, on the clock of time.monotonic
        self._changes = Allowance(_CHANGES_AT_ONCE, _CHANGES)

    def _set_polls(self) -> None:
        polls = list(self._driver.polls())
        self._needed = polls[0].name if polls else ""
        if not self._stay and self.generation != "v1":  # what a machine tells by itself, a visit has to ask for
            polls = [replace(each, every=0.0) if (each.every or 0.0) <= _PUSHED else each for each in polls]
        self._polling = Polling(self._every, polls)

    @property
    def generation(self) -> str:
        """The name of its dialect."""
        found: str = self._driver.generation
        return found

    @property
    def model(self) -> str | None:
        """The model: that of the config, or the one that the machine shows."""
        return self._target.model or self.live.model

    @property
    def serial(self) -> str | None:
        """Its serial number; None if the machine does not tell it."""
        return self._serial or None

    @property
    def title(self) -> str:
        """What people call it: its name in the config, or in the machine; without one its address or serial number."""
        fields, named = self.live.fields, self._target.name
        if named and named not in {getattr(self._target, "host", None), self._serial}:
            return named
        own = fields.get("machine_name")
        if isinstance(own, str) and own.strip():
            return own
        return self._serial or self.name if self.generation == "bluetooth" else self.name

    @property
    def entities(self) -> list[Entity]:
        """What the machine has."""
        known = values_with(self.generation, self.model, self.live.fields)
        return [*entities_for(self.generation, self.model, known), *(SHOTS if self._stay else ())]

    @property
    def values(self) -> dict[str, Value]:
        """The values of its entities."""
        values = values_with(self.generation, self.model, self.live.fields)
        if self._stay:
            values |= self._shots()
        return {each.name: values[each.name] for each in self.entities if each.name in values}

    @property
    def is_pouring(self) -> bool:
        """Whether it reports right now that water flows through the group."""
        return self._stay and self.link == CONNECTED and self.live.shots.running(time.time_ns()) is not None

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
                await self._settle()
                patience = whole(self._timeout, self.generation)
                await answered_within(patience, self._read_due(self._connection()))
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
            self._plan(entity, text)
        except LmdecodeError as error:  # what can be seen at once needs no connection
            return Answer(REFUSED, str(error))
        of = self.id
        async with self._turn:
            if of != self.id:
                return Answer(REFUSED, "another machine has its address now, so nothing was sent")
            self._under_way = ""
            session = self._connection()
            try:
                found = await answered_within(whole(self._timeout), self._preview(session, entity, text))
                if seconds_passed() - received > _STALE:
                    return Answer(REFUSED, f"the machine could not be read within {_STALE:g} s, so nothing was sent")
                if not (found.unchanged or switches_off(entity, text) or self._changes.takes(1)):
                    return Answer(REFUSED, _TOO_MANY)
                outcome = await session.run(making(found), on_write=partial(self._note_write, found))
            except LmdecodeError as error:
                await self._let_go()
                if self._is_another:
                    self._forget()
                    self._on_change(self)
                return Answer(State.UNKNOWN if self._under_way else REFUSED, str(error))
            finally:
                self._under_way = ""
                if not self._stay:
                    await self._let_go()
        result = outcome.results[0]
        self._on_change(self)
        return Answer(result.state.value, "; ".join(filter(None, (*found.doubts, outcome.complaint))), result.found)

    def _plan(self, entity: Entity, text: str) -> Any:  # noqa: ANN401 -- a `Plan` of its generation
        return plan_for(self._driver, entity, text, model=self.model)

    async def _preview(self, session: Session[Any], entity: Entity, text: str) -> Preview[Any, Any]:
        """Reads what a command would change, of the machine that it is for and of no other.

        Raises:
            LmdecodeError: Another machine answers, or the value is not for this one, or it cannot be read.
        """
        await session.run(_connecting())
        with suppress(NoAnswerError, BadAnswerError, UnsupportedError, RegisterError):  # not every machine tells
            for query, _ in self._driver.queries_of(["machine_ser_num"]):
                await session.ask(query.request)
        if self._is_another:
            raise MachineError(f"{self._other}, so nothing was sent")
        # The model may have shown only after the command came, or be another one's since.
        return await session.run(previewing(self._plan(entity, text)))

    def _note_write(self, found: Preview[Any, Any], request: object) -> None:
        """Remembers which write is under way, for a program that ends before the answer comes."""
        self._under_way = found.plan.text(request)

    @property
    def interruption(self) -> str:
        """What to say if the program ends just now; "" if no write is under way."""
        if not self._under_way or not self._turn.locked():
            return ""
        return f"interrupted after {self._under_way} was sent: whether the machine took it is not known"

    async def close(self) -> None:
        """Disconnects."""
        await self._let_go()

    async def _settle(self) -> None:
        """Finds out which generation it speaks, where nobody has said it, until it has been read once."""
        if self._ever or isinstance(self._target, BluetoothTarget) or not self._target.is_guess:
            return
        found = await settled(self._target)
        if found.generation == self._driver.generation:
            return
        await self._let_go()
        self._driver = driver_for(found, timeout=self._timeout)
        self._set_polls()

    def _connection(self) -> Session[Any]:
        if self._session is None:
            self._session = Session(self._connect, tries=TRIES)
        return self._session

    def _connect(self, number: int) -> Connection[Any]:
        self._device = ""
        return self._driver.connection(number, self._take, listens=self._stay)

    async def _let_go(self) -> None:
        session, self._session = self._session, None
        self.live.shots.disconnect()
        if session is not None:
            await session.close()

    async def _read_due(self, session: Session[Any]) -> None:
        if self._stay:  # what is pushed needs a connection, though nothing is to be read
            await session.run(_connecting())
        now = time.monotonic()
        if now - self._all_at >= _ALL_SECONDS:
            await self._read_all(session, now)
            self._all_at = now
            return
        while (due := self._polling.next)[1] <= now:
            query = due[0]
            if query is None:
                return
            if self._silent_until.get(query.name, 0.0) > now:
                self._polling.silent(query, now)
                continue
            try:
                await session.ask(query.request)
            except (NoAnswerError, BadAnswerError):
                self._polling.silent(query, now)
                if query.name == self._needed:
                    raise
            else:
                self._polling.answered(query, now)

    async def _read_all(self, session: Session[Any], now: float) -> None:
        """Reads all that the machine reveals. What it has not answered is left out for an hour."""
        due = [each for each in self._driver.snapshot() if self._silent_until.get(each.name, 0.0) <= now]
        silent: dict[str, Exception] = {}
        heard = False
        try:
            async for query, answer in read_all(session, due):
                if isinstance(answer, Exception):
                    silent[query.name] = answer
                else:
                    heard = True
        finally:  # also if it took too long: the next visit gets further
            if heard:
                self._silent_until |= dict.fromkeys(silent.keys() - {self._needed}, now + _SILENT_SECONDS)
        if silent and not heard:
            raise next(iter(silent.values()))

    def _take(self, record: Record) -> None:
        self.live.feed(record)
        if self.generation == "bluetooth" and record.machine:
            self._device = self._device or record.machine
        if record.sender == "machine" and not record.problems:
            self.read_ns = record.time_ns
            self._read_at = time.monotonic()
            if self._stay and self.link == CONNECTED and not self._is_another:
                self._on_change(self)

    def _shots(self) -> dict[str, Value]:
        """Returns what is known of shots: whether one runs, and how long that and the last one took."""
        now = time.time_ns()
        running = self.live.shots.running(now) if self.link == CONNECTED else None
        last = next((each for each in self.live.shots.ended(now) if each.what is What.COFFEE and not each.cut), None)
        found: dict[str, Value] = {"shot_running": running is not None}
        if running is not None and running.seconds is not None:
            found["shot_seconds"] = round(running.seconds, 1)
        if last is not None and last.seconds is not None:
            found["last_shot_seconds"] = round(last.seconds, 1)
        return found

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
        remark = str(getattr(self._driver, "remark", ""))
        if self._stay and remark and remark not in self._remarks:
            self._remarks.add(remark)
            self._tell(f"{self.name}: {remark}")

    @property
    def _shown_serial(self) -> str:
        if self.generation == "bluetooth":
            return self._device
        # A gateway of v3 names itself, and not the machine.
        name = "module_ser_num" if self.generation == "v3" else "machine_ser_num"
        return str(self.live.fields.get(name) or "")

    @property
    def _is_another(self) -> bool:
        return bool(self._serial and self._shown_serial) and self._shown_serial != self._serial

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
        self._silent_until.clear()

    def _fail(self, error: MachineError) -> None:
        self._failures += 1
        # A machine that has a client may refuse the next one, take it and say nothing, or take it and close. Over
        # Bluetooth it is not even heard then; so one that was there is not taken for gone until its values are old.
        refuses = isinstance(error.__context__, ConnectionRefusedError) and not isinstance(error, RadioError)
        unheard = isinstance(error, NotNearError) and bool(self.id)
        busy = isinstance(error, BusyError) or refuses or unheard
        state = BUSY if busy else AWAY
        if state == AWAY and self.link in {CONNECTED, BUSY} and self._failures < _FAILURES:
            return  # one lost packet is no news
        if state != self.link:
            # At first it may be another machine's address; later it is the app.
            taken = "the app or another program is connected to it, or it is not ready"
            taken = "it is not heard: the app or another program is connected to it, or it is off" if unheard else taken
            why = taken if busy and self.id else str(error)
            self._set(state, str(error), f"{state}: {why}; the bridge tries again")

    def _set(self, link: str, why: str, told: str) -> None:
        self.link, self.why, self.link_since_ns = link, why, time.time_ns()
        self._tell(f"{self.name}: {told}")


def _connecting() -> Steps[Any, None]:
    """Makes a connection, unless there is one that works."""
    yield Connect()


def switches_off(entity: Entity, text: str) -> bool:
    """Returns whether a command switches a heater off; that should not wait behind others, or be one too many."""
    try:
        return entity.name in _HEATERS and value_of(entity, text) is False
    except LmdecodeError:
        return False
