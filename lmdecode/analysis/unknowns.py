"""The bytes that no register explains: what they were, and which known registers change together with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from lmdecode.analysis.correlation import (
    Coverage,
    Looks,
    Run,
    Series,
    Variable,
    at_least,
    occasions,
    runs_of,
    spearman,
    step_chance,
    variables_of,
)
from lmdecode.analysis.memory_history import History
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.window import Place, place_of, places_of, unexplained_bits

FEWEST_CHANGES: Final = 5
"""Changes of a byte, far enough apart, below which nothing is said about what changes together with it."""

_ACCEPTED: Final = 0.05
"""The chance that any hint is given where there is nothing at all; divided by the number of all that is tested."""
_TESTS: Final = 2  # of each pair: when they change, and which way


class Hint(NamedTuple):
    """A known register that changes together with an unknown byte more often than chance would have it."""

    place: Place
    name: str
    """Of the register, or of the bit."""
    together: int
    """Of the byte's changes, those at which the other changed too."""
    changes: int
    """The byte's changes that were compared."""
    expected: float
    """How many would go together by chance."""
    other_changes: int
    """How often the other changed."""
    rho: float | None
    """Spearman's rank correlation of their values, where both have an order and change."""
    n: int
    """The values that were compared for it: one from each time in which the byte was the same."""
    p: float
    """How likely chance alone does this, for this pair alone."""


@dataclass(frozen=True, slots=True)
class UnknownByte:
    """A byte that no register explains, or those of its bits of which that is so."""

    address: int
    mask: int
    """The bits that nobody has explained."""
    place: Place
    captures: tuple[tuple[Run, ...], ...]
    """For each capture its values in turn; empty if it was not seen there."""
    hints: tuple[Hint, ...] = ()
    """The strongest first."""

    @property
    def runs(self) -> Iterator[Run]:
        """All its values in turn."""
        for runs in self.captures:
            yield from runs

    @property
    def changes(self) -> int:
        """How often it was seen to change within a capture."""
        return sum(max(len(runs) - 1, 0) for runs in self.captures)

    @property
    def looks(self) -> int:
        """How often it was seen."""
        return sum(run.looks for run in self.runs)

    def values(self) -> dict[int, tuple[int, int, int]]:
        """By value: how often it was seen, when first and when last; the most frequent first."""
        found: dict[int, tuple[int, int, int]] = {}
        for value, first_ns, last_ns, looks in self.runs:
            count, first, last = found.get(int(value or 0), (0, first_ns, last_ns))
            found[int(value or 0)] = (count + looks, min(first, first_ns), max(last, last_ns))
        return dict(sorted(found.items(), key=lambda item: -item[1][0]))


class Unknowns(NamedTuple):
    """What was found out about the unknown bytes of one machine."""

    bytes: tuple[UnknownByte, ...]
    """In the order of addresses."""
    pairs: int
    """How many pairs of an unknown byte and a known register were compared; each may look related by chance."""


def find_unknowns(
    histories: Sequence[History],
    *,
    within: float = 5.0,
    fewest: int = FEWEST_CHANGES,
    addresses: range = range(ADDRESS_SPACE),
) -> Unknowns:
    """The unknown bytes of one machine, with hints at what they may have to do with.

    Args:
        histories: Of its captures, which do not overlap: what two of them tell counts twice.
        within: Seconds within which changes count as together.
        fewest: Changes that a byte must have for a hint; at least 2.
        addresses: Only unknown bytes among these.
    """
    captures = [_Capture.of(history) for history in histories]
    seen = sorted({address for capture in captures for address in capture.addresses})
    unknown = {
        variable: [capture.series(variable) for capture in captures]
        for variable in _unknown_variables((each for each in seen if each in addresses), captures)
    }
    known = [variable for place in _known_places(seen) for variable in variables_of(place)]
    compared = _compared(unknown, known, captures, round(within * 1e9), max(fewest, 2))
    hints: dict[Variable, list[Hint]] = {}
    for variable, hint in compared:
        if hint.p * len(compared) * _TESTS <= _ACCEPTED:
            hints.setdefault(variable, []).append(hint)
    return Unknowns(
        tuple(
            UnknownByte(
                variable.place.address,
                variable.mask[0],
                variable.place,
                tuple(each.runs if each is not None else () for each in series),
                tuple(sorted(hints.get(variable, ()), key=_strength)),
            )
            for variable, series in unknown.items()
        ),
        len(compared),
    )


@dataclass(frozen=True, slots=True)
class _Capture:
    """One capture's history, and what is worked out from it again and again."""

    history: History
    first: Memory
    addresses: frozenset[int]
    looks: Looks
    known: dict[Variable, Series | None]
    coverages: dict[tuple[int, Variable], Coverage]

    @classmethod
    def of(cls, history: History) -> _Capture:
        first, addresses = history.since(None)
        return cls(history, first, frozenset(addresses), Looks(history), {}, {})

    def series(self, variable: Variable) -> Series | None:
        if variable not in self.known:
            self.known[variable] = runs_of(variable, self.history, self.first, self.looks)
        return self.known[variable]

    def coverage(self, looks: tuple[int, ...], other: Series, within_ns: int) -> Coverage:
        key = (id(looks), other.variable)  # places that were looked at together share theirs
        if key not in self.coverages:
            self.coverages[key] = Coverage.of(looks, other.changes, within_ns)
        return self.coverages[key]


def _unknown_variables(seen: Iterable[int], captures: Sequence[_Capture]) -> Iterator[Variable]:
    for address in seen:
        place, mask = place_of(address), unexplained_bits(address)
        if (
            not mask
            and place.row is not None
            and not place.known
            and any(each.history.changes_at(place) for each in captures)
        ):
            mask = 0xFF  # it is said to be unused, and is not
        if mask:
            yield Variable(place, place.name or "", _bits(mask), bytes([mask]))


def _known_places(seen: Iterable[int]) -> Iterator[Place]:
    """The registers that are seen; of the clock its parts, for a byte may change with the hour."""
    for place in places_of(seen):
        if not place.known or place.secret:
            continue
        if place.row is not None and place.row.type.name == "clock":
            yield from (
                Place(row.address, row.size, row)
                for row in REGISTERS
                if place.address <= row.address < place.end and row.size < place.length
            )
        else:
            yield place


def _compared(
    unknown: Mapping[Variable, Sequence[Series | None]],
    known: Sequence[Variable],
    captures: Sequence[_Capture],
    within_ns: int,
    fewest: int,
) -> list[tuple[Variable, Hint]]:
    """Each unknown byte that changes often enough, with each known register that changes at all."""
    found: list[tuple[Variable, Hint]] = []
    for variable, courses in unknown.items():
        events = [[] if each is None else occasions(each.timed_changes(), within_ns) for each in courses]
        if sum(map(len, events)) < fewest:
            continue
        for other in known:
            others = [capture.series(other) for capture in captures]
            if any(each is not None and each.changes for each in others):
                found.append((variable, _compare(courses, events, other, others, captures, within_ns=within_ns)))
    return found


def _compare(
    courses: Sequence[Series | None],
    events: Sequence[Sequence[int]],
    other: Variable,
    others: Sequence[Series | None],
    captures: Sequence[_Capture],
    *,
    within_ns: int,
) -> Hint:
    together, chances = 0, []
    mine: list[float] = []
    theirs: list[float] = []
    for course, times, series, capture in zip(courses, events, others, captures, strict=True):
        if course is None or series is None:
            continue
        coverage = capture.coverage(course.looks, series, within_ns)
        together += sum(map(coverage.near, times))
        chances += [coverage.share(time_ns) for time_ns in times]
        for run in course.runs:
            value = series.at((run.first_ns + run.last_ns) // 2)
            if run.value is not None and value is not None:
                mine.append(run.value)
                theirs.append(value)
    when = at_least(together, chances) if together else 1.0
    return Hint(
        other.place,
        other.name,
        together,
        len(chances),
        sum(chances),
        sum(len(each.changes) for each in others if each is not None),
        spearman(mine, theirs),
        len(mine),
        min(when, step_chance(mine, theirs), 1.0),
    )


def _strength(hint: Hint) -> tuple[float, float]:
    """By what to sort: first how much of what either does they do together, then how well their values agree."""
    share = hint.together / max(hint.changes + hint.other_changes - hint.together, 1)
    return -share, -abs(hint.rho or 0.0)


def _bits(mask: int) -> Callable[[bytes], float | None]:
    return lambda data: float(data[0] & mask)
