"""The conditions of `--where`: parses their text into a function that accepts or rejects a record.

A condition is a word, `=` or another comparison, and a value: `kind=write`, `coffee_temp>95`. The words are those of
a record (`kind`, `sender`, …) and the names of the memory map.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final, NoReturn, cast, get_args

from lmdecode.analysis.columns import (
    FieldNameError,
    check_name,
    current_name,
    field_kinds,
    is_glob,
    nearest,
    of_setting,
)
from lmdecode.analysis.typed_times import NamedTime, TimeError, in_range, named_time
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Kind, Record, Role, Sender, Value
from lmdecode.codec.v1.memory_map import DERIVED
from lmdecode.codec.v1.ranges import AddressRangeError, address_range
from lmdecode.codec.v1.window import registers_in

if TYPE_CHECKING:
    from lmdecode.analysis.machines import NamesOf

Filter = Callable[[Record], bool]
"""Whether a record is to be shown."""


class FilterError(LmdecodeError, ValueError):
    """A condition that cannot be understood: one line that says why, with an example of one that can."""


_CONDITION: Final = re.compile(r"([^\s=!<>]*)\s*(==|=|!=|>=|<=|>|<)(.*)\Z", re.DOTALL).match
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?\Z").match
_DECIMAL: Final = re.compile(r"[0-9]{1,5}\Z").match
_TIME_OF_DAY: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])\Z", re.ASCII).match

_BOOLEANS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("yes", "true", "on", "1"), True),
    **dict.fromkeys(("no", "false", "off", "0"), False),
}
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_WORDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": tuple(Kind),
    "role": get_args(Role),
    "sender": get_args(Sender),
}


def parse(text: str, zone: tzinfo | None = None, *, machines: NamesOf | None = None) -> Filter:
    """The filter that a condition stands for.

    Args:
        text: The condition.
        zone: The zone of times that have none; None for the one in force.
        machines: Returns all names of a record's machine, for conditions on it; None: the record's own, and its
            address.

    Raises:
        FilterError: It cannot be understood.

    >>> record = Record(0, 0, "machine", "a", "b", Kind.READ, "report", 0x401C, 4, fields={"coffee_temp": 95.6})
    >>> [parse(text)(record) for text in ("kind=read,write", "coffee_temp>96", "name=steam_*", "address=0x401D")]
    [True, False, True, True]
    """
    word, comparison, value = _taken_apart(text)
    if word == "time":
        return _time(word, comparison, value, zone)
    if word == "machine":
        return _machine(word, comparison, value, machines)
    if build := _OF_A_RECORD.get(word):
        return build(word, comparison, value)
    if word in field_kinds():
        return _of_a_field(word, comparison, value)
    if several := of_setting(word):
        _fail(text, f"{word} is several values: compare one, such as {several[0]}; 'name={word}' finds them all")
    known = (*_OF_A_RECORD, *field_kinds())
    listed = f"; use a name of `lmdecode registers` or one of {', '.join(_OF_A_RECORD)}"
    raise FilterError(f"{text!r}: no record has {word!r}{nearest(word, known, listed)}")


def parse_all(texts: Sequence[str], zone: tzinfo | None = None, *, machines: NamesOf | None = None) -> Filter | None:
    """The filter that lets through what fulfils all conditions; None if there are none.

    Args:
        texts: The conditions.
        zone: As for `parse`.
        machines: As for `parse`.

    Raises:
        FilterError: One of them cannot be understood.
    """
    # Those about the machine first: they see every record, and so learn whose a connection is.
    filters = [parse(text, zone, machines=machines) for text in sorted(texts, key=lambda each: not names_machine(each))]
    if len(filters) < 2:
        return filters[0] if filters else None

    def every(record: Record) -> bool:
        return all(passes(record) for passes in filters)

    return every


def machines_named(text: str) -> list[str]:
    """Returns the machines that a condition wants, as it names them; none if it is about something else.

    >>> machines_named("machine=kitchen,office"), machines_named("machine!=kitchen"), machines_named("kind=read")
    (['kitchen', 'office'], [], [])
    """
    word, comparison, value = _taken_apart(text)
    return _alternatives(word, value) if word == "machine" and comparison == "=" else []


def names_machine(text: str) -> bool:
    """Returns whether a condition is about the machine."""
    return _taken_apart(text)[0] == "machine"


def clocks_of(text: str) -> list[tzinfo | None]:
    """Returns the zone of each time in a condition on time; none for a condition that is about something else.

    >>> clocks_of("time=02:55Z..03:57+01:00"), clocks_of("mon_on_time=06:30")
    ([datetime.timezone.utc, datetime.timezone(datetime.timedelta(seconds=3600))], [])
    """
    word, _, value = _taken_apart(text)
    times = re.split(r",|\.\.", value) if word == "time" else []
    return [named_time(each).zone for each in times if each.strip()]


def needs_a_key(text: str) -> str:
    """Returns the word of a condition that is about what is encrypted; "" if it is about something else.

    >>> needs_a_key("coffee_temp>95"), needs_a_key("stream=0")
    ('coffee_temp', '')
    """
    word, _, _ = _taken_apart(text)
    return "" if word in _WITHOUT_A_KEY else word


def _taken_apart(text: str) -> tuple[str, str, str]:
    parts = _CONDITION(text.strip())
    if parts is None:
        word = current_name(text.strip())
        if word in {"problems", "ok"} or getattr(field_kinds().get(word), "type", None) == "boolean":
            return word, "=", "yes"
        if word in field_kinds():
            _fail(
                text, f"compare it with something, in quotes: '{word}=…', '{word}>…'; or 'name={word}' for all with it"
            )
        _fail(text, "is not a condition; examples are kind=write, coffee_temp>95, problems")
    word, comparison, value = map(str.strip, parts.groups())
    if not word:
        _fail(text, f"what is to be {comparison} {value}? for example kind=write")
    if not value:
        _fail(text, "nothing to compare with; for example kind=write, coffee_temp>95")
    return word if word in _OF_A_RECORD else current_name(word), "=" if comparison == "==" else comparison, value


def _fail(text: str, why: str) -> NoReturn:
    raise FilterError(f"{text!r}: {why}")


def _alternatives(word: str, value: str) -> list[str]:
    pieces = [piece.strip() for piece in value.split(",")]
    if not all(pieces):
        _fail(f"{word}={value}", "an alternative is empty; write them as in kind=read,write")
    return pieces


def _only_equality(word: str, comparison: str, value: str, example: str) -> bool:
    """Whether it is `=` rather than `!=`; nothing else will do."""
    if comparison not in {"=", "!="}:
        _fail(f"{word}{comparison}{value}", f"{word} takes = and != only; for example {example}")
    return comparison == "="


# Conditions on what every record has. Its opposite, `!=`, also lets through what does not have it: damaged frames.


def _word(word: str, comparison: str, value: str) -> Filter:
    words = _WORDS_OF[word]
    wanted = _only_equality(word, comparison, value, f"{word}={words[0]}")
    chosen = frozenset(_one_of(word, words, piece) for piece in _alternatives(word, value))
    get = operator.attrgetter(word)
    return lambda record: (get(record) in chosen) is wanted


def _one_of(word: str, words: Sequence[str], piece: str) -> str:
    for known in words:
        if known.lower() == piece.lower():
            return known
    listed = f"; it is one of {', '.join(words)}"
    near = get_close_matches(piece, words, n=1)
    return _fail(f"{word}={piece}", f"no such {word}{f'; did you mean {near[0]}?' if near else listed}")


def _host(word: str, comparison: str, value: str) -> Filter:
    wanted = _only_equality(word, comparison, value, f"{word}=192.168.1.*")
    # 192.168.1.5 means any port there; an address in brackets is an IPv6 one, not a glob.
    globs = [
        glob
        for piece in _alternatives(word, value)
        for glob in (piece.replace("[", "[[]"), f"{piece.replace('[', '[[]')}:*")
    ]
    get = operator.attrgetter(word)
    return lambda record: any(fnmatchcase(get(record), glob) for glob in globs) is wanted


def _text_of(word: str, comparison: str, value: str) -> Filter:
    wanted = _only_equality(word, comparison, value, f"{word}={_EXAMPLES[word]}")
    globs = _alternatives(word, value)
    get = operator.attrgetter(word)
    return lambda record: any(fnmatchcase(get(record) or "", glob) for glob in globs) is wanted


def _extra(word: str, comparison: str, value: str) -> Filter:
    wanted = _only_equality(word, comparison, value, "extra='CM*'")
    globs = _alternatives(word, value)
    return lambda record: any(fnmatchcase(name, glob) for name in record.extra for glob in globs) is wanted


def _machine(word: str, comparison: str, value: str, machines: NamesOf | None) -> Filter:
    from lmdecode.analysis.machines import MachineNames, is_named  # noqa: PLC0415 -- few conditions are about machines

    wanted = _only_equality(word, comparison, value, "machine=kitchen")
    patterns = _alternatives(word, value)
    names_of = MachineNames().of if machines is None else machines
    known: dict[tuple[str, ...], bool] = {}

    def passes(record: Record) -> bool:
        names = names_of(record)
        found = known.get(names)
        if found is None:
            found = known[names] = any(is_named(names, pattern) for pattern in patterns)
        return found is wanted

    return passes


_EXAMPLES: Final = {
    "generation": "v1",
    "capture": "morning.pcap",
    "subject": "'GET*'",
}


def _generation(word: str, comparison: str, value: str) -> Filter:
    from lmdecode.codec.speakers import dialects  # noqa: PLC0415 -- few conditions are about generations

    known = list(dialects())
    for piece in _alternatives(word, value):
        if not any(fnmatchcase(each, piece.lower()) for each in known):
            _fail(f"{word}={piece}", f"the generations are {', '.join(known)}")
    return _text_of(word, comparison, value.lower())


def _number_of(word: str, comparison: str, value: str) -> Filter:
    fits = _numbers(word, comparison, value)
    get = operator.attrgetter(word)

    def passes(record: Record) -> bool:
        number = get(record)
        return number is not None and fits(number)

    return passes


def _address(word: str, comparison: str, value: str) -> Filter:
    wanted = _only_equality(word, comparison, value, "address=0x4000-0x4022")
    ranges = [_one_range(piece) for piece in _alternatives(word, value)]

    def passes(record: Record) -> bool:
        if record.address is None or record.length is None:
            return not wanted
        start, end = record.address, record.address + record.length
        return any(start < each.stop and each.start < end for each in ranges) is wanted

    return passes


def _one_range(text: str) -> range:
    """Returns the addresses of a range, or of one decimal number, as JSON Lines have it."""
    try:
        return address_range(f"0x{int(text):X}" if _DECIMAL(text) else text)
    except AddressRangeError as error:
        _fail(f"address={text}", str(error))


def _name(word: str, comparison: str, value: str) -> Filter:
    wanted = _only_equality(word, comparison, value, "name=coffee_temp")
    names = frozenset(name for piece in _alternatives(word, value) for name in _known_names(word, piece))

    def passes(record: Record) -> bool:
        if record.address is None or record.length is None:
            return names.isdisjoint(record.fields) is not wanted
        return names.isdisjoint(_names_in(record.address, record.length)) is not wanted

    return passes


def _known_names(word: str, piece: str) -> tuple[str, ...]:
    try:
        return check_name(piece)
    except FieldNameError as error:
        _fail(f"{word}={piece}", str(error))


@lru_cache(maxsize=4096)
def _names_in(address: int, length: int) -> frozenset[str]:
    """The names whose values are whole in a window, and those that follow from them."""
    end = address + length
    names = {
        row.name for row in registers_in(address, length) if row.name and row.address >= address and row.end <= end
    }
    return frozenset(names | {row.name for row in DERIVED if names.issuperset(row.inputs)})


def _problems(word: str, comparison: str, value: str) -> Filter:
    wanted = _only_equality(word, comparison, value, "problems=yes") is _boolean(word, value)
    return lambda record: bool(record.problems) is wanted


def _ok(word: str, comparison: str, value: str) -> Filter:
    wanted = _only_equality(word, comparison, value, "ok=no") is _boolean(word, value)
    return lambda record: record.ok is wanted


def _boolean(word: str, value: str) -> bool:
    try:
        return _BOOLEANS[value.lower()]
    except KeyError:
        _fail(f"{word}={value}", f"it is yes or no: {word}=yes")


def _time(word: str, comparison: str, value: str, zone: tzinfo | None = None) -> Filter:
    wanted = _only_equality(word, comparison, value, "time=02:55..02:57, or time=02:55.. for the rest of the day")
    ranges = [_time_range(piece, zone) for piece in _alternatives(word, value)]
    if len(ranges) == 1:
        fits = ranges[0]
        return lambda record: fits(record.time_ns) is wanted

    def passes(record: Record) -> bool:
        return any(fits(record.time_ns) for fits in ranges) is wanted

    return passes


def _time_range(piece: str, zone: tzinfo | None) -> Callable[[int], bool]:
    """What is in a range of times; a time stands for the whole day, minute, second or fraction that it names."""
    first, is_range, last = piece.partition("..")
    start = _one_time(first, piece, zone) if first or not is_range else None
    end = (_one_time(last, piece, zone) if last else None) if is_range else start
    if start is None and end is None:
        _fail(f"time={piece}", "give a time on one side at least: time=02:55..")
    try:
        return in_range(start, end)
    except TimeError as error:
        with_dates = ": time=2026-11-21T02:55..2026-11-21T02:57" if "on both sides" in str(error) else ""
        _fail(f"time={piece}", f"{error}{with_dates}")


def _one_time(text: str, piece: str, zone: tzinfo | None) -> NamedTime:
    try:
        return named_time(text, zone)
    except TimeError as error:
        how = ", a range 02:55..02:57" if "is written" in str(error) else ""
        _fail(f"time={piece}", f"{error}{how}")


_WITHOUT_A_KEY: Final = frozenset(
    ("sender", "stream", "source", "destination", "machine", "generation", "capture", "time", "problems")
)

_OF_A_RECORD: Final[Mapping[str, Callable[[str, str, str], Filter]]] = {
    "kind": _word,
    "role": _word,
    "sender": _word,
    "stream": _number_of,
    "source": _host,
    "destination": _host,
    "machine": partial(_machine, machines=None),
    "generation": _generation,
    "capture": _text_of,
    "subject": _text_of,
    "extra": _extra,
    "address": _address,
    "length": _number_of,
    "name": _name,
    "time": _time,
    "elapsed": _number_of,
    "ok": _ok,
    "problems": _problems,
}

VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    word: _WORDS_OF.get(word, ("yes", "no") if word in {"ok", "problems"} else ()) for word in _OF_A_RECORD
}
"""The words of every record that a condition can have, each with its values; none where they cannot be listed."""


def parted(text: str) -> tuple[str, str, str]:
    """The word, the comparison and the value of a condition, also of one that is not typed to its end yet.

    >>> parted("kind=re"), parted("ki")
    (('kind', '=', 're'), ('ki', '', ''))
    """
    parts = _CONDITION(text)
    return (parts[1], parts[2], parts[3]) if parts else (text, "", "")


# Conditions on a field. A record without it fulfils none, `!=` neither.


def _of_a_field(name: str, comparison: str, value: str) -> Filter:
    fits = _KINDS_OF_FIELD[field_kinds()[name].type](name, comparison, value)

    def passes(record: Record) -> bool:
        found = record.fields.get(name)
        return found is not None and fits(found)

    return passes


Fits = Callable[[Value], bool]


def _number(name: str, comparison: str, value: str) -> Fits:
    return cast("Fits", _numbers(name, comparison, value))


def _flag(name: str, comparison: str, value: str) -> Fits:
    wanted = _only_equality(name, comparison, value, f"{name}=yes") is _boolean(name, value)
    return lambda found: found is wanted


def _set(name: str, comparison: str, value: str) -> Fits:
    if field_kinds()[name].open:
        is_wanted = _only_equality(name, comparison, value, f"{name}=…")
        globs = _alternatives(name, value)
        return lambda found: (
            any(fnmatchcase(str(each), glob) for each in _members(found) for glob in globs) is is_wanted
        )
    wanted = _only_equality(name, comparison, value, f"{name}={field_kinds()[name].words[0]}")
    words = (*field_kinds()[name].words, "none")
    chosen = [_one_of(name, words, piece) for piece in _alternatives(name, value)]

    def fits(found: Value) -> bool:
        members = found if isinstance(found, list) else []
        return any(word in members if word != "none" else not members for word in chosen) is wanted

    return fits


def _members(found: Value) -> list[str]:
    return (found or ["none"]) if isinstance(found, list) else [str(found)]


def _text(name: str, comparison: str, value: str) -> Fits:
    if comparison in {"=", "!="}:
        wanted = comparison == "="
        pieces = [_text_value(name, piece) for piece in _alternatives(name, value)]
        return lambda found: any(fnmatchcase(str(found), piece) for piece in pieces) is wanted
    if field_kinds()[name].words:
        _fail(f"{name}{comparison}{value}", f"{name} has no order; it is one of {', '.join(field_kinds()[name].words)}")
    bound = _text_value(name, value)
    compare = cast("Callable[[str, str], bool]", _COMPARISONS[comparison])
    return lambda found: compare(str(found), bound)


def _text_value(name: str, piece: str) -> str:
    kind = field_kinds()[name]
    if kind.words:
        known = next((each for each in kind.words if each.lower() == piece.lower()), piece)
        return known if is_glob(piece) or kind.open else _one_of(name, kind.words, piece)
    if name.endswith("_time") and not kind.open and not is_glob(piece):
        time = _TIME_OF_DAY(piece)
        if time is None:
            _fail(f"{name}={piece}", f"a time of day is written 06:30: {name}=06:30")
        return f"{int(time[1]):02}:{time[2]}"
    return piece


def _numbers(word: str, comparison: str, value: str) -> Callable[[float], bool]:
    if comparison in _COMPARISONS:
        compare, bound = _COMPARISONS[comparison], _one_number(word, value, comparison)
        return lambda number: compare(number, bound)
    wanted = comparison == "="
    ranges = []
    for piece in _alternatives(word, value):
        first, is_range, last = piece.partition("..")
        low = _one_number(word, first, comparison)
        ranges.append((low, _one_number(word, last, comparison) if is_range else low))
    return lambda number: any(low <= number <= high for low, high in ranges) is wanted


def _one_number(word: str, text: str, comparison: str) -> float:
    if not _NUMBER(text.strip()):
        _fail(f"{word}{comparison}{text}", f"{word} is a number: {word}=5, {word}>5 or {word}=5..10")
    return float(text)


_KINDS_OF_FIELD: Final[Mapping[str, Callable[[str, str, str], Fits]]] = {
    "integer": _number,
    "number": _number,
    "boolean": _flag,
    "string": _text,
    "array": _set,
}
