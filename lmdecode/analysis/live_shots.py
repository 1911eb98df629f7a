"""Shots while they run, out of what the machine pushes while water flows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Final

from lmdecode.analysis.pour import begins_another
from lmdecode.analysis.shot import Sample
from lmdecode.codec.record import Record
from lmdecode.codec.v1.memory_map import PULSE_ML
from lmdecode.codec.v1.message import Kind
from lmdecode.codec.v1.values import is_number

__all__ = ["LiveShots", "Shot"]

_OVER: Final = 3_000_000_000  # ns without a word of water: it flows about every half second while it does
_KEPT: Final = 50


@dataclass(frozen=True, slots=True)
class Shot:
    """Water that was drawn: a coffee, or anything else that the flow meter sees."""

    begun_ns: int
    """When it was first heard of: nanoseconds since 1970, UTC."""
    last_ns: int
    key: int
    """The button; 0 for none."""
    seconds: float
    """As the machine counts them."""
    pulses: int
    """Of the flow meter."""
    hottest: float | None = None
    """°C of the coffee boiler, the most of them while it ran; None if the machine did not say."""
    coolest: float | None = None

    @property
    def milliliters(self) -> float:
        """About how much water it was."""
        return self.pulses * PULSE_ML


class LiveShots:
    """The shots of one machine, as its Records tell them.

    >>> shots = LiveShots()
    >>> fields = {"flow_key": 2, "flow_seconds": 1.5, "flow_pulses": 3}
    >>> shots.feed(Record(0, 0, "machine", "", "", Kind.STREAM, "report", fields=fields))
    >>> shots.running.key, shots.running.milliliters
    (2, 1.5)
    """

    def __init__(self) -> None:
        self.running: Shot | None = None
        """The one that runs."""
        self.finished: deque[Shot] = deque(maxlen=_KEPT)
        """The last ones, the newest first."""
        self.count = 0
        """How many there were."""

    def feed(self, record: Record) -> None:
        """Take a record into account. Any of them shows that time has passed."""
        self.pass_time(record.time_ns)
        fields = record.fields
        seconds, pulses, key = fields.get("flow_seconds"), fields.get("flow_pulses"), fields.get("flow_key")
        if record.kind is not Kind.STREAM or not is_number(seconds) or not is_number(pulses) or not is_number(key):
            return
        shot = self._continued(record.time_ns, int(key), float(seconds), int(pulses))
        temperature = fields.get("coffee_temp")
        if is_number(temperature):
            shot = replace(
                shot,
                hottest=max(shot.hottest or temperature, temperature),
                coolest=min(shot.coolest or temperature, temperature),
            )
        self.running = shot

    def pass_time(self, time_ns: int) -> None:
        """Let it be so late: a shot of which nothing was heard for a while is over."""
        if self.running is not None and time_ns - self.running.last_ns > _OVER:
            self.end()

    def end(self) -> None:
        """Whatever runs is over, as far as anybody can tell."""
        if self.running is not None:
            self.finished.appendleft(self.running)
            self.running = None

    def _continued(self, time_ns: int, key: int, seconds: float, pulses: int) -> Shot:
        """The shot that it belongs to, brought up to it: the last one if the machine counts on, else a new one."""
        last = self.running or (self.finished[0] if self.finished else None)
        now = Sample(time_ns, seconds, pulses, None)
        if last is None or begins_another(Sample(last.last_ns, last.seconds, last.pulses, None), last.key, now, key):
            self.end()
            self.count += 1
            return Shot(time_ns, time_ns, key, seconds, pulses)
        if self.running is None:
            self.finished.popleft()
        return replace(last, last_ns=time_ns, seconds=seconds, pulses=pulses)
