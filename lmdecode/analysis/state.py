"""The state of a watched machine: its values, last messages and shots. It takes records and has no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Final

from lmdecode.analysis.memory_history import observed, values_in
from lmdecode.analysis.shots import MachineShots
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.memory import Memory, model_of
from lmdecode.codec.v1.memory_map import DAYS
from lmdecode.codec.v1.values import is_number
from lmdecode.codec.v1.windows import REPORTS, WATER_FLOW, window_name


def next_switch(fields: Mapping[str, Value]) -> tuple[datetime, bool] | None:
    """Return when the schedule next switches the machine, by the machine's own clock, and whether it switches it on.

    Args:
        fields: The machine's values: `clock`, `auto_bitfield`, and the times of the days, `mon_on_time` and so on.

    Returns:
        None if the schedule is off, or not known.

    >>> tuesday = {"tue_on_time": "06:30", "tue_off_time": "17:00", "auto_bitfield": ["global_auto", "tue_auto"]}
    >>> next_switch(tuesday | {"clock": "2026-11-21T09:30:00"})
    (datetime.datetime(2026, 11, 24, 6, 30), True)
    """
    try:
        now = datetime.fromisoformat(str(fields.get("clock")))
    except ValueError:
        return None
    enabled = fields.get("auto_bitfield")
    if not isinstance(enabled, list) or "global_auto" not in enabled:
        return None
    for ahead in range(len(DAYS) + 1):
        date = now.date() + timedelta(ahead)
        day = DAYS[date.weekday()]
        if f"{day}_auto" not in enabled:
            continue
        on, off = _time(fields.get(f"{day}_on_time")), _time(fields.get(f"{day}_off_time"))
        if on == off:
            continue  # nobody knows which of them would win
        times = [(datetime.combine(date, at), way) for at, way in ((on, True), (off, False)) if at is not None]
        later = [each for each in times if each[0] > now]
        if later:
            return min(later)
    return None


def _time(text: Value | None) -> time | None:
    try:
        return time.fromisoformat(str(text))
    except ValueError:
        return None


TEMPERATURES: Final = ("coffee_temp", "steam_temp")
"""The values of which all readings are kept, for the charts."""

_WITHOUT_NEWS: Final = frozenset((*TEMPERATURES, "flow_seconds", "flow_pulses", "brew_solenoid_on"))
_HISTORY: Final = 10_000  # readings: at one in two seconds more than five hours
_MESSAGES: Final = 100
_SHOTS: Final = 50
_SHOWN: Final = frozenset(window.name for window in (*REPORTS, WATER_FLOW))
_CLOSEST: Final = 400_000_000  # ns; a reading that follows another more closely is not kept


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

    def feed(self, record: Record) -> None:
        """Take the next record. The values of a damaged message are not believed."""
        self.count += 1
        self.damaged += bool(record.problems)
        self.shots.add(record)
        if record.sender != "machine":
            if record.problems:
                self.messages.appendleft(record)
            return
        self._note_news(record)
        for observation in observed(record):
            self._memory.write(observation.address, observation.data)
        values = values_in(record)
        self._fields.update(values)
        for name, readings in self.history.items():
            value = values.get(name)
            if is_number(value) and not (readings and abs(record.time_ns - readings[-1][0]) < _CLOSEST):
                readings.append((record.time_ns, float(value)))

    def _note_news(self, record: Record) -> None:
        if record.subject is not None and not record.problems:
            self._note_named_news(record)
            return
        if record.problems or record.kind is None or record.address is None or record.length is None:
            self.messages.appendleft(record)
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
        news = {name: value for name, value in record.fields.items() if self._fields.get(name) != value}
        telling = {name: value for name, value in news.items() if name not in _WITHOUT_NEWS}
        if telling or record.extra:
            self.messages.appendleft(record._replace(fields=telling))
