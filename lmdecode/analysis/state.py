"""What is known of a machine now, and how it came to be so: fed with Records, it has no clock of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Final

from lmdecode.analysis.shots import LiveShots
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.memory_map import DAYS, REPORTS, WATER_FLOW, window_name
from lmdecode.codec.v1.model import model_of
from lmdecode.codec.v1.values import is_number


def next_switch(fields: Mapping[str, Value]) -> tuple[datetime, bool] | None:
    """When the schedule next switches the machine, by the machine's own clock, and whether on.

    Args:
        fields: What the machine holds: `clock`, `auto_bitfield`, and the times of the days, `mon_on_time` and so on.

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
            continue  # which of them would win nobody knows
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
"""The values whose history is kept."""

_HISTORY: Final = 10_000  # readings: at one in two seconds more than five hours
_MESSAGES: Final = 100
_SHOWN: Final = frozenset(window.name for window in (*REPORTS, WATER_FLOW))
_CLOSEST: Final = 400_000_000  # ns between two readings that are kept


class LiveMachine:
    """A machine as its messages show it.

    >>> machine = LiveMachine()
    >>> fields = {"coffee_temp": 95.6, "steam_temp": 124.0}
    >>> machine.feed(Record(5, 0, "machine", "", "", role="report", kind="read", fields=fields))
    >>> machine.fields["coffee_temp"], list(machine.history["steam_temp"])
    (95.6, [(5, 124.0)])
    """

    def __init__(self) -> None:
        self.shots = LiveShots()
        self.history: Mapping[str, deque[tuple[int, float]]] = {name: deque(maxlen=_HISTORY) for name in TEMPERATURES}
        """Of each of `TEMPERATURES`: when (nanoseconds since 1970), and °C."""
        self.messages: deque[Record] = deque(maxlen=_MESSAGES)
        """The last ones of the machine that say something new, or are damaged, the newest first, of their fields those
        that are new. Time, temperatures and water, which have places of their own here, are not among them."""
        self.count = 0
        """How many messages there were, of both sides."""
        self.damaged = 0
        """How many of them had something wrong."""
        self._memory = Memory()
        self._fields: dict[str, Value] = {}
        self._said: dict[tuple[Kind, int, int], Record] = {}  # the last messages, by kind and window

    @property
    def fields(self) -> Mapping[str, Value]:
        """The latest of each value that was heard, by its name."""
        return self._fields

    @property
    def model(self) -> str | None:
        """Which model it is, as far as its memory tells."""
        return model_of(self._memory)

    def feed(self, record: Record) -> None:
        """Take a record into account. Of a damaged message no value is believed."""
        self.count += 1
        self.damaged += bool(record.problems)
        if record.sender != "machine":
            if record.problems:
                self.messages.appendleft(record)
            return
        self._note_news(record)
        if record.raw is not None or record.kind is None:
            return
        self._fields.update(record.fields)
        self._remember(record)
        self.shots.feed(record)
        for name, readings in self.history.items():
            value = record.fields.get(name)
            if is_number(value) and not (readings and abs(record.time_ns - readings[-1][0]) < _CLOSEST):
                readings.append((record.time_ns, float(value)))

    def _note_news(self, record: Record) -> None:
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
        if telling or not news:  # with no field that is new, it is a byte that nobody can name
            self.messages.appendleft(record._replace(fields=telling))

    def _remember(self, record: Record) -> None:
        if record.address is None or not record.data:
            return
        try:
            self._memory.write(record.address, bytes.fromhex(record.data))
        except ValueError:
            return  # a part of it is a secret, which is withheld
