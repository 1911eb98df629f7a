"""The driver of Bluetooth: what a machine tells and takes over GATT."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from lmdecode.codec.bluetooth.requester import Question, Request
from lmdecode.codec.dialect import FieldKind
from lmdecode.codec.speakers import dialects
from lmdecode.codec.vocabulary import rows
from lmdecode.device.bluetooth.bleak_radio import radio_named
from lmdecode.device.bluetooth.connection import REMARK, BluetoothConnection, Known
from lmdecode.device.bluetooth.finding import SEARCH_TIME
from lmdecode.device.bluetooth.plan import BluetoothPlan, plan_of
from lmdecode.device.bluetooth.radio import Radio
from lmdecode.device.driver import OnRecord, Query, Word
from lmdecode.device.errors import UnsupportedError
from lmdecode.device.timing import ANSWER_TIMEOUT

_NAMES: Final[Mapping[str, str]] = {
    "machineMode": "mode",
    "boilers": "boilers",
    "tankStatus": "tank",
    "isPlumbedIn": "plumbing",
    "smartStandBy": "smart standby",
    "machineCapabilities": "capabilities",
    "2a25": "serial number",
    "2a24": "model number",
    "2a26": "firmware revision",
    "2a27": "hardware revision",
    "2a28": "software revision",
}
"""All that is asked, in the order in which it is worth knowing, and what people call it."""
_OFTEN: Final[Mapping[str, float]] = {
    "machineMode": 0.0,
    "boilers": 60.0,
    "isPlumbedIn": 600.0,  # before the tank, which says nothing of a machine that is plumbed in
    "tankStatus": 60.0,
    "smartStandBy": 600.0,
    "machineCapabilities": 600.0,
}
"""Seconds between two reads while a machine is watched. It reports shots and temperatures by itself, and a connection
that listens to one that does not reads more."""


@cache
def _sources() -> Mapping[str, str]:
    """The question whose answer has a value, by the name of the value."""
    found: dict[str, str] = {}
    for row in rows():
        name = row.path.partition(".")[0].partition("[")[0]
        if row.source == "read" and row.name is not None and name in _NAMES:
            found.setdefault(row.name, name)
    return found


@cache
def _readable() -> Mapping[str, FieldKind]:
    of_stream = {row.name for row in rows() if row.source == "stream"}
    known = dialects()["bluetooth"].fields()
    return {name: kind for name, kind in known.items() if name in _sources() or name in of_stream}


@dataclass(frozen=True, slots=True, kw_only=True)
class BluetoothDriver:
    """A machine over Bluetooth; a `Driver`.

    Args:
        device: Its name, serial number or address; "" for the only one that is near.
        token: Its token; "" if it is not known.
        model: Its model, if its owner has named it.
        radio: The radio as bumble names it; "" for this computer's own.
        timeout: Seconds to wait for an answer.
        search_time: Seconds to look for the machine at most.
        show_secrets: Whether the Records show secrets.
        opened: Opens the radio; None: by its name.
    """

    device: str = ""
    token: str = field(default="", repr=False)
    model: str | None = None
    radio: str = ""
    timeout: float = ANSWER_TIMEOUT
    search_time: float = SEARCH_TIME
    show_secrets: bool = False
    opened: Callable[[], Radio] | None = field(default=None, repr=False)
    _known: list[Known] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def generation(self) -> str:
        """Which one: bluetooth."""
        return "bluetooth"

    @property
    def name(self) -> str:
        """What was asked for."""
        return self.known.wanted or "a machine nearby"

    @property
    def known(self) -> Known:
        """What is known of the machine; each connection adds to it."""
        if not self._known:
            self._known.append(Known(self.device))
        return self._known[0]

    @property
    def remark(self) -> str:
        """What to say once of this machine, after it was connected; "" if nothing."""
        return REMARK if self.known.notifies is False else ""

    @property
    def readable(self) -> Mapping[str, FieldKind]:
        """The names of the values that are read or notified."""
        return _readable()

    def connection(
        self, number: int, on_record: OnRecord | None = None, *, listens: bool = False
    ) -> BluetoothConnection:
        """Return a connection. A machine takes one at a time."""
        return BluetoothConnection(
            self.opened or (lambda: radio_named(self.radio)),
            self.known,
            self.token,
            stream=number,
            listens=listens,
            timeout=self.timeout,
            search_time=self.search_time,
            show_secrets=self.show_secrets,
            on_record=on_record,
        )

    def snapshot(self) -> Sequence[Query[Request]]:
        """Return a question for all that is known to be answered."""
        return [Query(title, Question(name)) for name, title in _NAMES.items()]

    def polls(self, names: Iterable[str] = ()) -> Sequence[Query[Request]]:
        """Return the questions that have the wanted values, or the machine's state."""
        wanted: list[Query[Request]] = [
            Query(_NAMES[name], Question(name), 0.0)
            for name in dict.fromkeys(_sources()[each] for each in names if each in _sources())
        ]
        return wanted or [Query(_NAMES[name], Question(name), every) for name, every in _OFTEN.items()]

    def queries_of(self, names: Iterable[str]) -> Sequence[tuple[Query[Request], Sequence[str]]]:
        """Return the questions to ask for some values.

        Raises:
            UnsupportedError: One of them is not told over Bluetooth, or only when it happens.
        """
        found: dict[str, list[str]] = {}
        for name in names:
            source = _sources().get(name)
            if source is None and name in _readable():
                raise UnsupportedError(
                    f"over Bluetooth, {name} is told only when it happens: `lmdecode watch --bluetooth` shows it"
                )
            if source is None:
                raise UnsupportedError(
                    f"a machine does not tell {name} over Bluetooth; it tells {', '.join(dict.fromkeys(_sources()))}"
                )
            found.setdefault(source, []).append(name)
        return [(Query(_NAMES[source], Question(source)), of_it) for source, of_it in found.items()]

    def plan(
        self, name: str, words: Sequence[Word] = (), options: Mapping[str, Word | None] | None = None
    ) -> BluetoothPlan:
        """Return the changes that a setting and the words after it mean."""
        return plan_of(name, words, options or {}, model=self.model)
