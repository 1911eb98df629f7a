"""The scene: what the screen of `lmdecode watch` shows, in plain values, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from lmdecode.analysis.pour import Shot
from lmdecode.analysis.state import next_switch
from lmdecode.codec.record import Record, Value
from lmdecode.device.errors import joined

if TYPE_CHECKING:
    from lmdecode.analysis.state import LiveMachine
    from lmdecode.config.targets import Target
    from lmdecode.device.watch import Link, Watcher


@dataclass(frozen=True, slots=True)
class Scene:
    """What the screen shows."""

    name: str
    """The machine's name."""
    address: str
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


_NS: Final = 1_000_000_000


def summary_text(messages: int, damaged: int, shots: int, connections: int) -> str:
    """Returns the line that sums a watch up.

    >>> summary_text(12, 0, 1, 2)
    '12 messages, 1 shot, 2 connections'
    """
    parts = [
        f"{messages} messages",
        f"{damaged} damaged" if damaged else "",
        f"{shots} shot{'' if shots == 1 else 's'}" if shots else "",
        f"{connections} connections" if connections > 1 else "",
    ]
    return ", ".join(filter(None, parts))


def scene_of(model: LiveMachine, watcher: Watcher, target: Target, *, span: float, keys: bool, now_ns: int) -> Scene:
    """Returns what the screen shows.

    Args:
        model: What is known of the machine.
        watcher: The watcher of its connection.
        target: The machine.
        span: Seconds that the charts show.
        keys: Whether keys are read.
        now_ns: The time, in nanoseconds since 1970.
    """
    fields, shots, link = model.fields, model.shots, watcher.link
    named = target.name if target.name != target.host else None
    return Scene(
        name=named or str(fields.get("machine_ser_num") or joined(target.host, target.port)),
        address=joined(target.host, target.port),
        connected=link.connected,
        link=_link_text(link, now_ns, "gone" if watcher.connections else "waiting"),
        fields=fields,
        model=target.model or model.model,
        now_ns=now_ns,
        next_switch=next_switch(fields),
        history=model.history,
        span=span,
        running=shots.running(now_ns),
        finished=shots.ended(now_ns),
        shots=shots.count,
        messages=model.messages,
        count=model.count,
        damaged=model.damaged,
        keys=keys,
    )


def _link_text(link: Link, now_ns: int, without: str) -> str:
    since = duration_text((now_ns - link.since_ns) / _NS)
    if link.connected:
        return f"connected for {since}"
    if not link.why:
        return f"connecting for {since}"
    if link.next_try_ns is None:
        return f"{without} for {since}, trying again: {link.why}"
    ahead = duration_text(max(link.next_try_ns - now_ns, 0) / _NS)
    return f"{without} for {since}, next try in {ahead}: {link.why}"


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
