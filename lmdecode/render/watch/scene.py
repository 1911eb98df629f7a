"""What the screen of `lmdecode watch` shows, in plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lmdecode.codec.record import Record
from lmdecode.codec.v1.values import Value


@dataclass(frozen=True, slots=True)
class Pour:
    """Water that is or was drawn."""

    begun: datetime
    key: int
    seconds: float
    pulses: int
    milliliters: float
    dose: int | None = None
    """The pulses that its button is set to; None if that is not known."""
    temperatures: tuple[float, float] | None = None
    """°C of the coffee boiler: the least, the most."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is to be shown."""

    name: str
    """Of the machine."""
    address: str
    connected: bool
    link: str
    """How it stands with the connection, in words."""
    fields: Mapping[str, Value]
    model: str | None
    now_ns: int
    next_switch: tuple[datetime, bool] | None = None
    history: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    span: float = 600.0
    """Seconds that the charts show."""
    running: Pour | None = None
    finished: Sequence[Pour] = ()
    """The newest first."""
    shots: int = 0
    messages: Sequence[Record] = ()
    """The newest first."""
    count: int = 0
    damaged: int = 0
    keys: bool = True
    """Whether somebody can press keys."""
