"""The state of a watched machine: its values, last messages and shots. It takes records and has no clock."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from lmdecode.analysis.memory_history import observed, values_in
from lmdecode.analysis.schedule import clock_of, next_switch
from lmdecode.analysis.shots import MachineShots
from lmdecode.codec.record import NO_EXTRA, Kind, Record, Value
from lmdecode.codec.v1.memory import Memory, model_of
from lmdecode.codec.v1.values import is_number
from lmdecode.codec.v1.windows import REPORTS, WATER_FLOW, window_name

TEMPERATURES: Final = ("coffee_temp", "steam_temp")
"""The values of which all readings are kept, for the charts."""

_WATER: Final = ("flow_", "brew_", "flush_", "backflush_on", "snapshot_")
"""What the names of values begin with that say how water flows: they have a place of their own."""
_WITHOUT_NEWS: Final = frozenset((*TEMPERATURES, "clock", "gateway_clock", "gateway_uptime", "token_accepted"))
_SCHEDULE: Final = "wakeUpSleepEntries"
_REPLAY: Final = "replay"
_HISTORY: Final = 10_000  # readings: at one in two seconds more than five hours
_MESSAGES: Final = 100
_SHOTS: Final = 50
_SHOWN: Final = frozenset(window.name for window in (*REPORTS, WATER_FLOW))
_CLOSEST: Final = 400_000_000  # ns; a reading that follows another more closely is not kept
_CLOSEST_PUSHED: Final = 1_900_000_000  # ns; the same where each value holds until there is another
_MOST_EXTRA: Final = 500  # names that no table has; a machine that says more of them says them as news again
_LONGEST: Final = 200  # characters of a text that is kept of a message


class LiveMachine:
    """A machine as its messages show it by now.

    >>> machine = LiveMachine()
    >>> fields = {"coffee_temp": 95.6, "steam_temp": 124.0}
    >>> machine.feed(Record(5, 0, "machine", "", "", role="report", kind="read", fields=fields))
    >>> machine.fields["coffee_temp"], list(machine.history["steam_temp"])
    (95.6, [(5, 124.0)])
    """

    def __init__(self) -> None:
        self.shots = MachineShots("", keep=_SHOTS)
        self.history: Mapping[str, deque[tuple[int, float]]] = {name: deque(maxlen=_HISTORY) for name in TEMPERATURES}
        """The readings of each of `TEMPERATURES`: nanoseconds since 1970, °C."""
        self.messages: deque[Record] = deque(maxlen=_MESSAGES)
        """The last messages that are damaged or say something new, the newest first. Of their fields only the new ones
        are left, without time, temperatures and water, which have places of their own here."""
        self.count = 0
        """How many messages both sides sent."""
        self.damaged = 0
        """How many of them had problems."""
        self.serial: str | None = None
        """The serial number that the machine says or advertises; None until the machine has told it."""
        self.generation = "v1"
        """The protocol of the last message."""
        self._clock_ns = 0  # when the machine's clock was read
        self._entries: Sequence[object] = ()  # the schedule of gateways since 2024
        self._extra: dict[str, int] = {}  # by each name that no table has, which value was said last
        self._memory = Memory()
        self._fields: dict[str, Value] = {}
        self._said: dict[tuple[Kind, int, int], Record] = {}  # the last messages, by kind and window

    @property
    def fields(self) -> Mapping[str, Value]:
        """The latest value of each name."""
        return self._fields

    @property
    def model(self) -> str | None:
        """The model; None if nothing shows it yet."""
        named = self._fields.get("model")
        return model_of(self._memory) or (named if isinstance(named, str) else None)

    def clock(self, now_ns: int) -> datetime | None:
        """Return the time on the machine's clock; None if no message has told it.

        v1's is as it was read last; the gateways' is read so seldom that it goes on by ours.

        Args:
            now_ns: Nanoseconds since 1970.
        """
        read = clock_of(self._fields)
        if read is None or self.generation == "v1":
            return read
        return read + timedelta(seconds=max(now_ns - self._clock_ns, 0) / 1e9)

    def next_switch(self, now_ns: int) -> tuple[datetime, bool] | None:
        """Return when the machine's schedule next switches it, by its own clock, and whether it switches it on.

        Args:
            now_ns: Nanoseconds since 1970.
        """
        now = self.clock(now_ns)
        return None if now is None else next_switch(self._fields, self._entries, now=now)

    @property
    def schedule(self) -> Sequence[object]:
        """The schedule of gateways since 2024, as the machine says it; () if it has none, or another kind."""
        return self._entries

    def feed(self, record: Record) -> None:
        """Take the next record. The values of a damaged message are not believed."""
        self.count += 1
        self.damaged += bool(record.problems)
        self.shots.add(record)
        if record.sender != "machine":
            if record.problems:
                self.messages.appendleft(_short(record))
            return
        self.generation = record.generation
        self._note_news(record)
        for observation in observed(record):
            self._memory.write(observation.address, observation.data)
        values = values_in(record)
        self._fields.update(values)
        if "clock" in values:
            self._clock_ns = record.time_ns
        serial = values.get("machine_ser_num") or record.machine
        self.serial = str(serial) if serial else self.serial
        for name, readings in self.history.items():
            value = values.get(name)
            if is_number(value):
                _keep(readings, record.time_ns, float(value), is_held=record.generation != "v1")

    def disconnect(self, time_ns: int) -> None:
        """Note that nobody listens any more: no shot is running, and no temperature is known from now on.

        Args:
            time_ns: Nanoseconds since 1970.
        """
        self.shots.disconnect()
        for readings in self.history.values():
            if readings and not math.isnan(readings[-1][1]):
                readings.append((time_ns, math.nan))

    def _note_news(self, record: Record) -> None:
        if record.subject is not None and not record.problems:
            self._note_named_news(record)
            return
        if record.problems or record.kind is None or record.address is None or record.length is None:
            self.messages.appendleft(_short(record))
            return
        window = record.kind, record.address, record.length
        before, self._said[window] = self._said.get(window), record
        if (before is not None and before.data == record.data) or window_name(*window[1:]) in _SHOWN:
            return
        known = {} if before is None else before.fields
        news = {name: value for name, value in record.fields.items() if known.get(name) != value}
        telling = {name: value for name, value in news.items() if name not in TEMPERATURES}
        if telling or not news:  # bytes changed, but no field: a byte that nobody can name
            self.messages.appendleft(record._replace(fields=telling))

    def _note_named_news(self, record: Record) -> None:
        """Take a message without an address: it says something new if one of its values is."""
        if record.extra.get(_REPLAY) is True:  # it was said to somebody else, perhaps hours ago
            return
        telling = {
            name: value
            for name, value in record.fields.items()
            if self._fields.get(name) != value and name not in _WITHOUT_NEWS and not name.startswith(_WATER)
        }
        extra: dict[str, object] = {}
        for name, value in record.extra.items():
            if name.endswith(_SCHEDULE) and isinstance(value, list):
                self._entries = value
            text = _as_text(value)
            if self._extra.get(name) != (said := hash(text)):
                if len(self._extra) >= _MOST_EXTRA:
                    self._extra.clear()
                self._extra[name] = said
                extra[name] = _cut(text)
        if telling or extra:
            self.messages.appendleft(_short(record._replace(fields=telling, extra=extra or NO_EXTRA)))


def _keep(readings: deque[tuple[int, float]], time_ns: int, value: float, *, is_held: bool) -> None:
    """Keep a reading, unless it follows another closely; where values hold, the last of some close ones is kept."""
    last = readings[-1] if readings else None
    if last is None or math.isnan(last[1]):
        readings.append((time_ns, value))
    elif not is_held:
        if abs(time_ns - last[0]) >= _CLOSEST:
            readings.append((time_ns, value))
    elif abs(time_ns - last[0]) < _CLOSEST_PUSHED:
        readings[-1] = (last[0], value)
    else:
        readings.append((time_ns, value))


def _short(record: Record) -> Record:
    """A message as it is shown for as long as a watch lasts: long texts and its request are left out."""
    if record.subject is None and record.generation == "v1":
        return record  # a frame is short
    text = record.plaintext
    return record._replace(
        plaintext=text if text is None or len(text) <= _LONGEST else f"{text[:_LONGEST]}…",
        fields={name: _cut(value) if isinstance(value, str) else value for name, value in record.fields.items()},
        extra={name: _cut(_as_text(value)) for name, value in record.extra.items()} or NO_EXTRA,
        data=None if record.data is None else record.data[:_LONGEST],
        raw=None if record.raw is None else record.raw[:_LONGEST],
        request=None,
    )


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
