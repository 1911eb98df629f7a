"""Values of a live machine by their names: only the windows that hold them are read.

Names are those of registers, bits and derived values; a setting's name stands for all that it sets, and a pattern for
all names that fit it. For `lmdecode get`, `status NAME`, `send` without a value, and programs that need some values
again and again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lmdecode.analysis.columns import FieldNameError, check_name, current_name, field_kinds, is_glob
from lmdecode.app.errors import UsageError
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Value
from lmdecode.codec.speakers import dialects
from lmdecode.codec.v1.memory_map import DERIVED_BY_NAME, by_name
from lmdecode.codec.v1.window import Fields, decode_window
from lmdecode.codec.v1.windows import LARGEST_READ, SNAPSHOT
from lmdecode.device.errors import BadAnswerError, NoAnswerError
from lmdecode.device.session import shorter

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.device.session import Session


def _answered() -> Iterator[tuple[int, int]]:
    """Yields the windows that machines answer: of one that is longer on newer firmware, the rest apart."""
    for window in SNAPSHOT:
        older = shorter(window)
        if older is None:
            yield window.address, window.length
        else:
            yield older.address, older.length
            yield older.address + older.length, window.length - older.length


_ANSWERED: Final = tuple(_answered())


@dataclass(slots=True)
class Reading:
    """What a machine answered to a request for some values."""

    names: tuple[str, ...]
    """The names that were asked for."""
    values: Fields = field(default_factory=dict)
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


def chosen(texts: Iterable[str]) -> Chosen:
    """Returns the values that a user's words stand for.

    Args:
        texts: Names, settings and patterns, with commas between them or apart.

    Raises:
        UsageError: As `chosen_names`.
    """
    pieces = [piece for text in texts for piece in text.split(",")]
    alone = [piece for piece in pieces if piece.strip() and not is_glob(piece)]
    return Chosen(chosen_names(pieces), frozenset(chosen_names(alone) if alone else ()))


def chosen_names(texts: Iterable[str]) -> tuple[str, ...]:
    """Returns the names that a user's names, settings and patterns stand for, each once.

    Raises:
        UsageError: There is no such name; the message has the nearest that there is. Or it can only be written.

    >>> chosen_names(["coffee_temp,steam-temp", "dose", "*_set_temp"])[:3]
    ('coffee_temp', 'steam_temp', 'dose_k1')
    """
    found: dict[str, None] = {}
    for piece in (piece.strip() for text in texts for piece in text.split(",")):
        if not piece:
            continue
        try:
            names = live_names(piece)
        except FieldNameError as error:
            raise UsageError(str(error)) from None
        readable = [name for name in names if is_readable(name)]
        if not readable and not is_glob(piece):
            raise UsageError(f"{current_name(piece)} can only be written")
        found.update(dict.fromkeys(readable))
    if not found:
        raise UsageError("no value is named; name one, such as coffee_temp, or several, such as 'dose_*'")
    return tuple(found)


def live_names(text: str) -> tuple[str, ...]:
    """Returns the names of values of a live machine that a name or a pattern stands for. Live machines are of v1.

    Raises:
        FieldNameError: No field has such a name.

    >>> live_names("coffee-temp")
    ('coffee_temp',)
    """
    of_v1 = dialects()["v1"].fields()
    name = current_name(text)
    if name in field_kinds() and name not in of_v1:
        raise FieldNameError(
            f"{name} is a value of newer machines, which lmdecode only reads from captures; "
            "`lmdecode registers --generation v1` lists those of a live machine"
        )
    return check_name(text, of_v1)


def is_readable(name: str) -> bool:
    """Returns whether a value can be read from the machine."""
    derived = DERIVED_BY_NAME.get(name)
    return all(any(row.readable for row in by_name(each)) for each in (derived.inputs if derived else (name,)))


def window_of(name: str) -> tuple[int, int]:
    """Returns the address and the length of the window to read for a value.

    Raises:
        FieldNameError: There is no such name.
        RegisterError: The register can only be written.

    >>> window_of("coffee_set_temp"), window_of("mon_on_time")
    ((7, 2), (785, 15))
    """
    found = live_names(name)
    if len(found) > 1:
        raise FieldNameError(f"{name} is several values: {', '.join(found)}")
    derived = DERIVED_BY_NAME.get(found[0])
    if not is_readable(found[0]):
        raise RegisterError(f"{found[0]} can only be written")
    rows = [next(row for row in by_name(each) if row.readable) for each in (derived.inputs if derived else (found[0],))]
    start = min(row.address for row in rows)
    return start, max(row.end for row in rows) - start


def windows_of(names: Iterable[str]) -> dict[tuple[int, int], list[str]]:
    """Returns the windows to read for some values, each with its names.

    Values that lie in one of the windows that machines are known to answer are read together.

    >>> windows_of(["coffee_temp", "steam_temp", "dose_k1"])
    {(20, 2): ['dose_k1'], (16412, 4): ['coffee_temp', 'steam_temp']}
    """
    grouped: dict[tuple[int, int], list[tuple[str, int, int]]] = {}
    for name in names:
        address, length = window_of(name)
        known = next(
            (each for each in _ANSWERED if each[0] <= address and address + length <= sum(each)), (address, length)
        )
        grouped.setdefault(known, []).append((name, address, address + length))
    found: dict[tuple[int, int], list[str]] = {}
    for _, parts in sorted(grouped.items()):
        start, end = min(part[1] for part in parts), max(part[2] for part in parts)
        found[start, min(end - start, LARGEST_READ)] = [name for name, _, _ in parts]
    return found


async def read_values(session: Session, names: Sequence[str]) -> Reading:
    """Reads some values. What the machine does not answer is noted in `missing`.

    Args:
        session: The session with the machine.
        names: Names that can be read, as `chosen_names` returns them.

    Raises:
        FieldNameError, RegisterError: As `window_of`.
        MachineError: There is no connection, or the machine answers none of the reads.
    """
    reading = Reading(tuple(names))
    values: Fields = {}
    failure: NoAnswerError | BadAnswerError | None = None
    for (address, length), wanted in windows_of(names).items():
        try:
            record = await session.read(address, length)
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


async def read_value(session: Session, name: str) -> Value:
    """Reads one value by its name.

    Raises:
        FieldNameError, RegisterError: As `window_of`.
        BadAnswerError: The machine's bytes are not a valid value.
        MachineError: The machine cannot be read.
    """
    window_of(name)
    (name,) = live_names(name)
    reading = await read_values(session, [name])
    if name not in reading.values:
        raise BadAnswerError(f"the machine has no value for {name}: {reading.missing[name]}")
    return reading.values[name]


def _values_in(record: Record, names: Sequence[str]) -> Fields:
    fields = record.fields or decode_window(record.address or 0, bytes.fromhex(record.data or ""))[0]
    return {name: fields[name] for name in names if name in fields}
