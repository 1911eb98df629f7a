"""Values of a live machine by their names: only what holds them is asked for.

Names are those of the memory map in v1, and of the vocabulary in the other generations. A setting's name stands for all
that it sets, and a pattern for all names that fit it. For `lmdecode get`, `status NAME`, `send` without a value, and
programs that need some values again and again.
"""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lmdecode.analysis.columns import FieldNameError, check_name, current_name, field_kinds, is_glob, of_setting
from lmdecode.app.errors import UsageError
from lmdecode.codec.errors import LmdecodeError, RegisterError
from lmdecode.codec.printable import printable
from lmdecode.codec.record import Value
from lmdecode.codec.speakers import dialects
from lmdecode.codec.v1.window import decode_window
from lmdecode.device.errors import BadAnswerError, NoAnswerError, UnsupportedError
from lmdecode.device.v1.driver import is_readable

if TYPE_CHECKING:
    from lmdecode.codec.dialect import FieldKind
    from lmdecode.codec.record import Record
    from lmdecode.device.driver import Driver
    from lmdecode.device.session import Session

R = TypeVar("R")


@dataclass(slots=True)
class Reading:
    """What a machine answered to a request for some values."""

    names: tuple[str, ...]
    """The names that were asked for."""
    values: dict[str, Value] = field(default_factory=dict)
    """The values by name, in the order of `names`."""
    missing: dict[str, str] = field(default_factory=dict)
    """Why there is no value, by name."""
    records: list[Record] = field(default_factory=list)
    """The machine's answers."""

    @property
    def complaints(self) -> list[str]:
        """A line for each reason why values are missing, with their names."""
        return [
            f"{', '.join(name for name, each in self.missing.items() if each == why)}: {why}"
            for why in dict.fromkeys(self.missing.values())
        ]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The values that a user named."""

    names: tuple[str, ...]
    """All of them, each once."""
    required: frozenset[str]
    """Those that were named one by one, rather than by a pattern."""

    def lacks(self, values: Container[str]) -> bool:
        """Returns whether a value is missing that was named by itself, or all are."""
        return any(name not in values for name in self.required) or not any(name in values for name in self.names)


def chosen(texts: Iterable[str], driver: Driver[Any] | None = None, *, asking: bool = True) -> Chosen:
    """Returns the values that a user's words stand for.

    Args:
        texts: Names, settings and patterns, with commas between them or apart.
        driver: The machine's; None: a machine of v1.
        asking: Whether the values are to be asked for; otherwise they may also be such as the machine only pushes.

    Raises:
        UsageError, UnsupportedError: As `chosen_names`.
    """
    pieces = [piece for text in texts for piece in text.split(",")]
    alone = [piece for piece in pieces if piece.strip() and not is_glob(piece)]
    return Chosen(
        chosen_names(pieces, driver, asking=asking),
        frozenset(chosen_names(alone, driver, asking=asking) if alone else ()),
    )


def chosen_names(texts: Iterable[str], driver: Driver[Any] | None = None, *, asking: bool = True) -> tuple[str, ...]:
    """Returns the names that a user's names, settings and patterns stand for, each once.

    Raises:
        UsageError: There is no such name; the message has the name that is most like it. Or it can only be written.
        UnsupportedError: The name is of another generation.

    >>> chosen_names(["coffee_temp,steam-temp", "dose", "*_set_temp"])[:3]
    ('coffee_temp', 'steam_temp', 'dose_k1')
    """
    found: dict[str, None] = {}
    for piece in (piece.strip() for text in texts for piece in text.split(",")):
        if not piece:
            continue
        try:
            names = live_names(piece, driver)
        except (FieldNameError, RegisterError) as error:
            raise UsageError(str(error)) from None
        if is_glob(piece) and asking:
            names = tuple(name for name in names if _can_be_asked(name, driver))
        found.update(dict.fromkeys(names))
    if not found:
        raise UsageError("no value is named; name one, such as coffee_temp, or several, such as 'dose_*'")
    return tuple(found)


def check_names(texts: Iterable[str], *, bluetooth: bool = False) -> None:
    """Checks early, before a machine is looked for, that names are those of some generation.

    Args:
        texts: The names.
        bluetooth: Whether the user says `--bluetooth` and names no machine, so that a name may be meant as one.

    Raises:
        UsageError: There is no such name; the message has the name that is most like it.
    """
    for piece in (piece.strip() for text in texts for piece in text.split(",")):
        if piece and current_name(piece) not in field_kinds():
            try:
                check_name(piece)
            except FieldNameError as error:
                meant = f"; if it is a machine: --bluetooth={shlex.quote(printable(piece[:40]))}" if bluetooth else ""
                raise UsageError(f"{error}{meant}") from None


def live_names(text: str, driver: Driver[Any] | None = None) -> tuple[str, ...]:
    """Returns the names of values of a live machine that a name or a pattern stands for.

    Args:
        text: The name or the pattern.
        driver: The machine's; None: a machine of v1.

    Raises:
        FieldNameError: No field has such a name.
        RegisterError: It can only be written.
        UnsupportedError: The name is of another generation.

    >>> live_names("coffee-temp")
    ('coffee_temp',)
    """
    generation = "v1" if driver is None else driver.generation
    readable = _of("v1") if driver is None else driver.readable
    name = current_name(text)
    if name in readable:
        return (name,)
    if name in field_kinds():
        raise _elsewhere(name, generation)
    if is_glob(text) or not (of_settings := of_setting(text)):
        return check_name(text, readable)
    found = tuple(each for each in of_settings if each in readable)
    if not found:
        raise _elsewhere(of_settings[0], generation)
    return found


_TITLES: Final = {"v1": "v1", "v3": "gateway v3", "bluetooth": "Bluetooth"}


def _of(generation: str) -> Mapping[str, FieldKind]:
    """Returns the values that live machines of a generation tell."""
    if generation == "bluetooth":
        from lmdecode.device.bluetooth.driver import BluetoothDriver

        return BluetoothDriver().readable
    fields = dialects()[generation].fields()
    return {name: kind for name, kind in fields.items() if is_readable(name)} if generation == "v1" else fields


def _elsewhere(name: str, generation: str) -> LmdecodeError:
    """Returns the error for a name of another generation, which says what has it."""
    if generation == "v1" and name in dialects()["v1"].fields():
        return RegisterError(f"{name} can only be written")
    having = [title for each, title in _TITLES.items() if each != generation and name in _of(each)]
    has = f"{' and '.join(having)} {'tells' if len(having) == 1 else 'tell'} it" if having else "only captures have it"
    lists = f"`lmdecode registers --generation {generation}` lists what it tells"
    return UnsupportedError(f"{_TITLES[generation]} does not tell {name}: {has}; {lists}")


def _can_be_asked(name: str, driver: Driver[Any] | None) -> bool:
    if driver is None:
        return True
    try:
        driver.queries_of([name])
    except UnsupportedError:
        return False
    return True


async def read_values(session: Session[R], driver: Driver[R], names: Sequence[str]) -> Reading:
    """Reads some values. What the machine does not answer is noted in `missing`.

    Args:
        session: The session with the machine.
        driver: The machine's.
        names: Names that can be read, as `chosen_names` returns them.

    Raises:
        UnsupportedError, RegisterError: As `Driver.queries_of`.
        MachineError: There is no connection, or the machine answers none of the reads.
    """
    reading = Reading(tuple(names))
    values: dict[str, Value] = {}
    failure: NoAnswerError | BadAnswerError | None = None
    for query, wanted in driver.queries_of(names):
        try:
            record = await session.ask(query.request)
        except (NoAnswerError, BadAnswerError) as error:
            failure = error
            reading.missing |= dict.fromkeys(wanted, str(error))
            continue
        reading.records.append(record)
        found = _values_in(record, wanted)
        values |= found
        why = "; ".join(record.problems) or "the machine has no value for it"
        reading.missing |= {name: why for name in wanted if name not in found}
    if failure is not None and not reading.records:
        raise failure
    reading.values = {name: values[name] for name in names if name in values}
    return reading


async def read_value(session: Session[R], driver: Driver[R], name: str) -> Value:
    """Reads one value by its name.

    Raises:
        FieldNameError: There is no such name.
        RegisterError: It can only be written.
        UnsupportedError: This generation does not tell it.
        BadAnswerError: The machine's bytes are not a valid value.
        MachineError: The machine cannot be read.
    """
    found = live_names(name, driver)
    if len(found) > 1:
        raise FieldNameError(f"{name} is several values: {', '.join(found)}")
    (name,) = found
    reading = await read_values(session, driver, [name])
    if name not in reading.values:
        raise BadAnswerError(f"the machine has no value for {name}: {reading.missing[name]}")
    return reading.values[name]


def _values_in(record: Record, names: Sequence[str]) -> Mapping[str, Value]:
    fields = record.fields
    if not fields and record.address is not None:  # a window that nobody reads by itself
        fields = decode_window(record.address, bytes.fromhex(record.data or ""))[0]
    return {name: fields[name] for name in names if name in fields}
