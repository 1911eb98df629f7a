"""What the screen of `lmdecode watch` shows: what is known of a machine at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from lmdecode.analysis.pour import Shot, What
from lmdecode.analysis.schedule import has_schedule
from lmdecode.analysis.times import local_time
from lmdecode.codec.record import Record, Value

if TYPE_CHECKING:
    from lmdecode.analysis.state import LiveMachine
    from lmdecode.device.watch import Link, Watcher

NS: Final = 1_000_000_000
"""Nanoseconds in a second."""
_LINGER_NS: Final = 10 * NS  # for which the time of a shot that has ended stays in sight
_AHEAD: Final = 1.5  # s that the timer goes on after the machine's last word; it sends one each second


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a machine before it says a word."""

    name: str
    """What its owner calls it; "" if that is not known."""
    place: str
    """What messages call it: host:port, or the name that it advertises."""
    generation: str = "v1"
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Timer:
    """The time of the water that flows, or of what has just ended."""

    seconds: float
    label: str
    """What it is; of a newer machine only its end says that."""
    running: bool
    shot: Shot


@dataclass(frozen=True, slots=True)
class Scene:
    """What the screen shows."""

    name: str
    """The machine's name."""
    address: str
    """What it is connected by: host:port, or the name that it advertises."""
    connected: bool
    link: str
    """The state of the connection, in words."""
    fields: Mapping[str, Value]
    model: str | None
    now_ns: int
    next_switch: tuple[datetime, bool] | None = None
    history: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    span: float = 600.0
    """Seconds that the charts show."""
    running: Shot | None = None
    finished: Sequence[Shot] = ()
    """The newest first."""
    shots: int = 0
    messages: Sequence[Record] = ()
    """The newest first."""
    count: int = 0
    damaged: int = 0
    keys: bool = True
    """Whether keys are read."""
    chosen: Mapping[str, int | None] = field(default_factory=dict)
    """The only values to show, if not all are: since when each is what it is, in nanoseconds since 1970; None if it is
    not known yet."""
    generation: str = "v1"
    serial: str | None = None
    clock: datetime | None = None
    """The time on a newer machine's clock."""
    has_schedule: bool | None = None
    """Whether a newer machine has a schedule that is on; None if it does not say."""
    timer: Timer | None = None
    flushes: int = 0
    """Of a newer machine, which tells them from shots."""
    unended: int = 0
    """Shots or flushes whose end was lost."""
    signal: int | None = None
    """dBm, of a machine that is heard by radio."""
    remark: str = ""
    """What to say of this machine in place of its shots, if it never tells of any."""
    losses: str = ""
    """How often the connection was lost, in words; "" if never."""


def summary_text(
    messages: int, damaged: int, shots: int, connections: int, *, flushes: int = 0, unended: int = 0
) -> str:
    """Returns the line that sums a watch up.

    Args:
        messages: The number of messages.
        damaged: How many of them were damaged.
        shots: The number of shots that have ended.
        connections: The number of connections.
        flushes: The number of flushes, of a machine that tells them from shots.
        unended: The number of shots or flushes whose end was lost.

    >>> summary_text(12, 0, 1, 2)
    '12 messages, 1 shot, 2 connections'
    >>> summary_text(80, 0, 2, 1, flushes=1, unended=1)
    '80 messages, 2 shots, 1 flush, 1 whose end was lost'
    """
    parts = [
        f"{messages} messages",
        f"{damaged} damaged" if damaged else "",
        *pours(shots, flushes, unended),
        f"{connections} connections" if connections > 1 else "",
    ]
    return ", ".join(filter(None, parts))


def pours(shots: int, flushes: int, unended: int) -> list[str]:
    """Returns what there was of each, in words; of nothing nothing.

    >>> pours(1, 2, 0)
    ['1 shot', '2 flushes']
    >>> pours(0, 0, 1)
    ['1 shot or flush whose end was lost']
    """
    return [
        text
        for count, text in (
            (shots, f"{shots} shot{'' if shots == 1 else 's'}"),
            (flushes, f"{flushes} flush{'' if flushes == 1 else 'es'}"),
            (unended, f"{unended}{'' if shots or flushes else ' shot or flush'} whose end was lost"),
        )
        if count
    ]


def scene_of(
    machine: LiveMachine,
    watcher: Watcher[Any],
    about: About,
    *,
    span: float,
    keys: bool,
    now_ns: int,
    chosen: Mapping[str, int | None] | None = None,
    remark: str = "",
) -> Scene:
    """Returns what the screen shows.

    Args:
        machine: What is known of the machine.
        watcher: The watcher of its connection.
        about: What was known of it before.
        span: Seconds that the charts show.
        keys: Whether keys are read.
        now_ns: The time, in nanoseconds since 1970.
        chosen: The only values to show; None: all there is.
        remark: What to say in place of shots; "" if the machine tells of them.
    """
    fields, shots, link = machine.fields, machine.shots, watcher.link
    is_new = about.generation != "v1"
    place = watcher.place or about.place
    running, ended, totals = shots.running(now_ns), shots.ended(now_ns), shots.totals(now_ns)
    return Scene(
        name=about.name or machine.serial or place,
        address=place,
        connected=link.connected,
        link=_link_text(link, now_ns, "gone" if watcher.connections else "waiting"),
        fields=fields,
        model=about.model or machine.model,
        now_ns=now_ns,
        next_switch=machine.next_switch(now_ns),
        history=machine.history,
        span=span,
        running=running,
        finished=ended,
        shots=totals.shots if is_new else shots.count,
        messages=machine.messages,
        count=machine.count,
        damaged=machine.damaged,
        keys=keys,
        chosen=chosen or {},
        generation=about.generation,
        serial=machine.serial,
        clock=machine.clock(now_ns) if is_new else None,
        has_schedule=has_schedule(fields, machine.schedule),
        timer=_timer(running, ended, now_ns, connected=link.connected),
        flushes=totals.flushes,
        unended=totals.unended if is_new else 0,
        signal=watcher.signal,
        remark=remark,
        losses=_losses_text(watcher),
    )


def seconds_of(shot: Shot, now_ns: int | None = None) -> float | None:
    """Returns how long water has flowed; None if the machine has said neither when it began nor for how long.

    Args:
        shot: The shot.
        now_ns: The time, in nanoseconds since 1970, if it is still running.
    """
    if shot.generation == "v1":  # `shot.seconds` may turn to the clock's while one looks on
        counted = shot.samples[-1].seconds if shot.samples else None
        return (shot.seconds or 0.0) if counted is None else counted
    if now_ns is None:
        return shot.seconds
    if shot.seconds is None:
        return None if shot.start_ns is None else min(max((now_ns - shot.start_ns) / NS, 0.0), 2 * _AHEAD)
    passed = (now_ns - shot.samples[-1].time_ns) / NS if shot.samples else 0.0
    return shot.seconds + min(max(passed, 0.0), _AHEAD)


def _timer(running: Shot | None, ended: Sequence[Shot], now_ns: int, *, connected: bool) -> Timer | None:
    if running is not None:
        seconds = seconds_of(running, now_ns) if connected else seconds_of(running)
        return Timer(seconds or 0.0, name_of(running), running=True, shot=running)
    last = ended[0] if ended else None
    if last is None or last.cut or last.end_ns is None or not 0 <= now_ns - last.end_ns < _LINGER_NS:
        return None
    seconds = seconds_of(last)
    return None if seconds is None else Timer(seconds, name_of(last), running=False, shot=last)


def name_of(shot: Shot) -> str:
    """Returns what a shot is called: of v1 by its button, else by what the machine says that it was."""
    if shot.generation == "v1":
        return f"button {shot.key}" if shot.key else "water"
    what = "shot" if shot.what is What.COFFEE else shot.what.value
    return f"{what} {_DOSES[shot.key]}" if shot.key in _DOSES else what


_DOSES: Final = dict(enumerate("ABCD", 1))
"""What the newer gateways call the buttons."""


def _link_text(link: Link, now_ns: int, without: str) -> str:
    since = duration_text((now_ns - link.since_ns) / NS)
    if link.connected:
        return f"connected for {since}"
    if not link.why:
        return f"connecting for {since}"
    if link.next_try_ns is None:
        return f"{without} for {since}, trying again: {link.why}"
    ahead = duration_text(max(link.next_try_ns - now_ns, 0) / NS)
    return f"{without} for {since}, next try in {ahead}: {link.why}"


def _losses_text(watcher: Watcher[Any]) -> str:
    last = watcher.last_outage
    if last is None:
        return ""
    often = "once, at" if watcher.losses == 1 else f"{watcher.losses} times, last at"
    seconds = duration_text((last.until_ns - last.since_ns) / NS)
    return f"lost {often} {local_time(last.since_ns):%H:%M:%S} for {seconds}"


def duration_text(seconds: float) -> str:
    """Returns a time in its two largest units.

    >>> [duration_text(each) for each in (7, 600, 3725, 180000)]
    ['7 s', '10 min', '1 h 2 min', '2 d 2 h']
    """
    whole = max(round(seconds), 0)
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts = [(whole // size if size == 86400 else whole % (size * 24 if size == 3600 else size * 60) // size, unit)
             for unit, size in units]  # fmt: skip
    shown = [index for index, (count, _) in enumerate(parts) if count]
    if not shown:
        return "0 s"
    first = shown[0]
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)
