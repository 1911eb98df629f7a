"""The bytes that no register explains: their values, and the known registers that change together with them."""

# Why a hint must pass Bonferroni's correction
#
# Each unknown byte that changes is compared with each known register that changes, by two tests (see correlation.py):
# easily some hundred comparisons in one capture. Who compares so much finds something by chance. So the promise is
# about the capture as a whole: if nothing in it is related, there is any hint at all in at most 1 of 20 captures.
# Bonferroni keeps this promise by dividing the limit by the number of tests, and it does so however the tests depend on
# each other. They do: pump, solenoid and flow meter change together, so a byte that by chance goes with one goes with
# all. Methods that limit the share of wrong hints instead (false discovery rate) allow more hints, but need to know
# something about that dependence. Tried on 400 random bytes over 40 simulated captures, there was no hint.

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from lmdecode.analysis.correlation import (
    Course,
    Coverage,
    Looks,
    ValueRun,
    Variable,
    at_least,
    course_of,
    occasions,
    spearman,
    step_chance,
    variables_of,
)
from lmdecode.analysis.memory_history import History
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.window import Span, span_of, spans_of, unexplained_bits

FEWEST_CHANGES: Final = 5
"""A byte with fewer changes, far enough apart, is not compared: so few can agree with anything."""

_ACCEPTED: Final = 0.05
"""The probability of any hint in a capture in which nothing is related."""
_TESTS: Final = 2  # for each pair: when they change, and which way


class Hint(NamedTuple):
    """A known register that changes together with an unknown byte more often than expected by chance."""

    place: Span
    name: str
    """The name of the register, or of the bit."""
    together: int
    """How many of the byte's changes happened when the register changed too."""
    changes: int
    """How many of the byte's changes were compared."""
    expected: float
    """How many of them are expected to happen together by chance."""
    other_changes: int
    """How often the register changed."""
    rho: float | None
    """Spearman's rank correlation of their values; None if one of them has no order or does not change."""
    n: int
    """How many values were compared for it: one for each time in which the byte kept its value."""
    p: float
    """The probability that chance alone does this to this pair; not corrected for the number of pairs."""


@dataclass(frozen=True, slots=True)
class UnknownByte:
    """A byte that no register explains, or some bits of one."""

    address: int
    mask: int
    """The bits that no register explains."""
    place: Span
    captures: tuple[tuple[ValueRun, ...], ...]
    """Its values in turn, for each capture; empty if it was not seen there."""
    hints: tuple[Hint, ...] = ()
    """The strongest first."""

    @property
    def runs(self) -> Iterator[ValueRun]:
        """All its values in turn."""
        for runs in self.captures:
            yield from runs

    @property
    def changes(self) -> int:
        """How often it changed within a capture."""
        return sum(max(len(runs) - 1, 0) for runs in self.captures)

    @property
    def looks(self) -> int:
        """How often it was seen."""
        return sum(run.looks for run in self.runs)

    def values(self) -> dict[int, tuple[int, int, int]]:
        """Return, by value, how often it was seen, when first and when last; the most frequent value first."""
        found: dict[int, tuple[int, int, int]] = {}
        for value, first_ns, last_ns, looks in self.runs:
            count, first, last = found.get(int(value or 0), (0, first_ns, last_ns))
            found[int(value or 0)] = (count + looks, min(first, first_ns), max(last, last_ns))
        return dict(sorted(found.items(), key=lambda item: -item[1][0]))


class Unknowns(NamedTuple):
    """The unknown bytes of one machine."""

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
    """Return the unknown bytes of one machine, each with the registers that it may be related to.

    Args:
        histories: The memory over each of its captures. They must not overlap, or messages count twice.
        within: Seconds within which two changes count as happening together.
        fewest: The number of changes that a byte must have to get a hint; at least 2.
        addresses: Leave out unknown bytes at other addresses.
    """
    captures = [_Capture.of(history) for history in histories]
    seen = sorted({address for capture in captures for address in capture.addresses})
    unknown = {
        variable: [capture.course(variable) for capture in captures]
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
                tuple(course.runs if course is not None else () for course in courses),
                tuple(sorted(hints.get(variable, ()), key=_strength)),
            )
            for variable, courses in unknown.items()
        ),
        len(compared),
    )


@dataclass(frozen=True, slots=True)
class _Capture:
    """The history of one capture, and results that are needed again and again."""

    history: History
    first: Memory
    addresses: frozenset[int]
    looks: Looks
    courses: dict[Variable, Course | None]
    coverages: dict[tuple[int, Variable], Coverage]

    @classmethod
    def of(cls, history: History) -> _Capture:
        first, addresses = history.since(None)
        return cls(history, first, frozenset(addresses), Looks(history), {}, {})

    def course(self, variable: Variable) -> Course | None:
        if variable not in self.courses:
            self.courses[variable] = course_of(variable, self.history, self.first, self.looks)
        return self.courses[variable]

    def coverage(self, looks: tuple[int, ...], other: Course, within_ns: int) -> Coverage:
        key = (id(looks), other.variable)  # places that were looked at together share one tuple
        if key not in self.coverages:
            self.coverages[key] = Coverage.of(looks, other.changes, within_ns)
        return self.coverages[key]


def _unknown_variables(seen: Iterable[int], captures: Sequence[_Capture]) -> Iterator[Variable]:
    for address in seen:
        place, mask = span_of(address), unexplained_bits(address)
        if (
            not mask
            and place.row is not None
            and not place.known
            and any(each.history.changes_at(place) for each in captures)
        ):
            mask = 0xFF  # the map calls it unused, and yet it changes
        if mask:
            yield Variable(place, place.name or "", _bits(mask), bytes([mask]))


def _known_places(seen: Iterable[int]) -> Iterator[Span]:
    """Yield the known registers among some addresses; the parts of the clock, as a byte may change with the hour."""
    for place in spans_of(seen):
        if not place.known or place.secret:
            continue
        if place.row is not None and place.row.type.name == "clock":
            yield from (
                Span(row.address, row.size, row)
                for row in REGISTERS
                if place.address <= row.address < place.end and row.size < place.length
            )
        else:
            yield place


def _compared(
    unknown: Mapping[Variable, Sequence[Course | None]],
    known: Sequence[Variable],
    captures: Sequence[_Capture],
    within_ns: int,
    fewest: int,
) -> list[tuple[Variable, Hint]]:
    """Return the hint for each pair of an unknown byte that changes often enough and a register that changes."""
    found: list[tuple[Variable, Hint]] = []
    for variable, courses in unknown.items():
        events = [[] if each is None else occasions(each.timed_changes(), within_ns) for each in courses]
        if sum(map(len, events)) < fewest:
            continue
        for other in known:
            others = [capture.course(other) for capture in captures]
            if any(each is not None and each.changes for each in others):
                found.append((variable, _compare(courses, events, other, others, captures, within_ns=within_ns)))
    return found


def _compare(
    courses: Sequence[Course | None],
    events: Sequence[Sequence[int]],
    other: Variable,
    others: Sequence[Course | None],
    captures: Sequence[_Capture],
    *,
    within_ns: int,
) -> Hint:
    together, chances = 0, []
    mine: list[float] = []
    theirs: list[float] = []
    for course, times, its_course, capture in zip(courses, events, others, captures, strict=True):
        if course is None or its_course is None:
            continue
        coverage = capture.coverage(course.looks, its_course, within_ns)
        together += sum(map(coverage.near, times))
        chances += [coverage.share(time_ns) for time_ns in times]
        for run in course.runs:
            value = its_course.at((run.first_ns + run.last_ns) // 2)
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
    """Return a sort key: first the share of both changes that happen together, then how well the values agree."""
    share = hint.together / max(hint.changes + hint.other_changes - hint.together, 1)
    return -share, -abs(hint.rho or 0.0)


def _bits(mask: int) -> Callable[[bytes], float | None]:
    return lambda data: float(data[0] & mask)
