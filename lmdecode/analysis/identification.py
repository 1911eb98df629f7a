"""Guesses which messages of v1 are in frames that cannot be decrypted because the key is missing."""

# How a message is recognised without the key
#
# Certain is only what follows from the cipher (see keyless_pairing.py): the length of a message to a block of 16
# characters; equal frames of one machine are equal messages; each read request is always the same frame. Everything
# else is likely at best, so each claim names its reasons, and how much it says (`Fit`).
#
# Frames are put into groups: each request frame with its answers, and the reports of each size. For a group, the known
# messages are sifted in this order:
#  1. By size. A request of more than one block is a write; a request of one block is a read if its answer is longer.
#     One-block answers are the hard case: a short read, or a write that was taken.
#  2. Two requests with an answer in common are writes of one register: their answer is "OK" to the same window.
#  3. By the order in which a known app asks when it has connected. Requests count as this opening if the sizes of their
#     answers run like it from its start up to the drink counters at least, whose answer has a size of its own. A
#     shorter run says too little.
#  4. Two requests cannot be the same read. If two groups claim it, both claims are taken back.

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from lmdecode.analysis.keyless_pairing import (
    KNOWN_READS,
    KNOWN_REPORTS,
    GroupKind,
    KnownMessage,
    Pairing,
    PairingStatistics,
    known_requests,
    openings,
    stable_blocks,
)
from lmdecode.codec.errors import FrameError
from lmdecode.codec.record import Record, Sender
from lmdecode.codec.v1.decoder import ciphertext_of
from lmdecode.codec.v1.key import BLOCK_SIZE

MAX_DIFFERENT: Final = 20_000
"""Ciphertexts that are told apart; further ones are counted by size only, so that memory stays bounded."""
_MAX_REQUESTS: Final = 1024
_MAX_ASKS: Final = 256  # of a connection, among which the opening sequence is looked for
_MAX_SEQUENCES: Final = 64
_LEAST_INTERVALS: Final = 3
_SURE_REPEATS: Final = 3  # answers of one size, and none of another, that make a request's answer sure


_Key = tuple[str | None, int]
"""A connection among all that were read: its capture and its number there."""


class Fit(StrEnum):
    """How well the known messages fit a group of frames."""

    ONLY_FIT = "only fit"
    """No other known message has the size; an unknown one may have it too."""
    BEST_FIT = "best fit"
    """Others have the size, but only this one stands at this place of the opening sequence."""
    FITS = "fits"
    """It may be any of the candidates, and nothing says which."""
    NOTHING = "nothing known fits"


@dataclass(slots=True)
class KeylessConnection:
    """The frames of one TCP connection, counted."""

    capture: str | None
    """The capture that it is from, where there are several."""
    stream: int
    app: str
    machine: str
    first_ns: int
    last_ns: int
    frames: Counter[str] = field(default_factory=Counter)
    """Whole frames, by sender."""
    size: Counter[str] = field(default_factory=Counter)
    """Bytes, those outside frames too, by sender."""
    blocks: dict[str, Counter[int]] = field(default_factory=lambda: {"app": Counter(), "machine": Counter()})
    """By sender: how many frames have so many cipher blocks."""
    unusable: Counter[str] = field(default_factory=Counter)
    """How many frames cannot be of v1, by the reason."""
    bytes_skipped: int = 0
    gaps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Frames of one machine that belong together, and the messages that they may be."""

    machine: str
    kind: GroupKind
    seen: int
    """How many requests, or reports."""
    app_blocks: int | None
    """The size of the request in cipher blocks; None for reports."""
    machine_blocks: int | None
    """The size of most answers, or of the reports. None if there was no answer."""
    answered: int
    """How many requests were answered."""
    different: int
    """How many answers, or reports, differ, as far as they were told apart."""
    repeated: int
    """How often the most frequent of them came."""
    same_blocks: int
    """How many first blocks all of them share."""
    period: float | None
    """The usual seconds from one to the next within a connection; None with fewer than three intervals."""
    steady: bool
    """Whether most of the intervals are about that long."""
    request: bytes | None
    """The ciphertext of the request; None for reports, and for requests that were too many to be told apart."""
    candidates: tuple[KnownMessage, ...]
    """The likely message first, if the confidence is ONLY_FIT or BEST_FIT."""
    confidence: Fit
    rests_on: tuple[str, ...]
    """The reasons, in words."""


@dataclass(frozen=True, slots=True)
class IdentificationResult:
    """The connections and groups of some captures."""

    connections: tuple[KeylessConnection, ...]
    groups: tuple[Group, ...]
    bounded: bool
    """Whether there were more different ciphertexts than are told apart."""


@dataclass(slots=True)
class _Tracked:
    """A group while frames come in."""

    seen: int = 0
    answered: int = 0
    sizes: Counter[int] = field(default_factory=Counter)
    ciphertexts: Counter[bytes] = field(default_factory=Counter)  # by the last block, on which all others have a hand
    example: bytes | None = None
    same_blocks: int = 0
    last: tuple[_Key, int] | None = None
    intervals: Counter[float] = field(default_factory=Counter)

    def at(self, connection: _Key, time_ns: int) -> None:
        if self.last is not None and self.last[0] == connection:
            self.intervals[float(f"{max(time_ns - self.last[1], 0) / 1e9:.2g}")] += 1
        self.last = connection, time_ns
        self.seen += 1

    def compare(self, ciphertext: bytes) -> None:
        self.sizes[len(ciphertext) // BLOCK_SIZE] += 1
        if self.example is None:
            self.example, self.same_blocks = ciphertext, len(ciphertext) // BLOCK_SIZE
        elif ciphertext != self.example:
            limit = min(self.same_blocks, len(ciphertext) // BLOCK_SIZE) * BLOCK_SIZE
            same = next((at for at in range(limit) if ciphertext[at] != self.example[at]), limit)
            self.same_blocks = same // BLOCK_SIZE

    def pace(self) -> tuple[float | None, bool]:
        total = self.intervals.total()
        if total < _LEAST_INTERVALS:
            return None, False
        position, median = (total + 1) // 2, 0.0
        for median in sorted(self.intervals):
            position -= self.intervals[median]
            if position <= 0:
                break
        near = sum(count for interval, count in self.intervals.items() if abs(interval - median) <= 0.15 * median)
        return median, near >= 0.75 * total


class Identification:
    """Takes the records of frames that were not decrypted, and finds the messages that they may be.

    Its memory is bounded, and does not grow with frames that repeat.
    """

    def __init__(self) -> None:
        self._connections: dict[_Key, KeylessConnection] = {}
        self._statistics: dict[str, PairingStatistics] = defaultdict(PairingStatistics)
        self._pairings: dict[_Key, Pairing] = {}
        self._asks: dict[_Key, list[bytes]] = {}
        self._exchanges: dict[tuple[str, bytes | int], _Tracked] = {}
        self._reports: dict[tuple[str, int], _Tracked] = {}
        self._different = 0
        self._bounded = False

    def add(self, record: Record) -> None:
        """Take the next record; those of one connection in the order of time."""
        connection = self._connection(record)
        raw = record.raw
        if raw is None:
            connection.gaps += 1
            self._pairings[record.connection].forget()
            return
        connection.size[record.sender] += len(raw)
        if not raw.startswith(b"@") or not raw.endswith(b"%"):
            connection.bytes_skipped += len(raw)
            self._pairings[record.connection].forget()
            return
        connection.frames[record.sender] += 1
        try:
            ciphertext = ciphertext_of(raw[1:-1])
        except FrameError as error:
            wrong = "not base64" if "base64" in str(error) else "not whole cipher blocks"
            connection.unusable[wrong] += 1
            return
        connection.blocks[record.sender][len(ciphertext) // BLOCK_SIZE] += 1
        self._place(record, connection.machine, ciphertext)

    def result(self) -> IdentificationResult:
        """Return what was found so far."""
        for pairing in self._pairings.values():
            pairing.settle()
        labels = self._opening()
        groups = [*self._exchange_groups(labels), *self._report_groups()]
        return IdentificationResult(tuple(self._connections.values()), tuple(_without_rivals(groups)), self._bounded)

    def _connection(self, record: Record) -> KeylessConnection:
        connection = self._connections.get(record.connection)
        if connection is None:
            ends = record.source, record.destination
            app, machine = ends if record.sender == "app" else ends[::-1]
            connection = KeylessConnection(*record.connection, app, machine, record.time_ns, record.time_ns)
            self._connections[record.connection] = connection
            self._pairings[record.connection] = Pairing(self._statistics[machine])
        connection.first_ns = min(connection.first_ns, record.time_ns)
        connection.last_ns = max(connection.last_ns, record.time_ns)
        return connection

    def _place(self, record: Record, machine: str, ciphertext: bytes) -> None:
        pairing = self._pairings[record.connection]
        blocks = len(ciphertext) // BLOCK_SIZE
        sender: Sender = record.sender
        if sender == "app":
            pairing.ask(record.time_ns, ciphertext)
            self._exchange(machine, ciphertext).at(record.connection, record.time_ns)
            if len(self._asks) < _MAX_SEQUENCES or record.connection in self._asks:
                asks = self._asks.setdefault(record.connection, [])
                if len(asks) < _MAX_ASKS:
                    asks.append(ciphertext)
            return
        request = pairing.answer(record.time_ns, ciphertext)
        if request is None:
            tracked = self._reports.setdefault((machine, blocks), _Tracked())
            tracked.at(record.connection, record.time_ns)
        else:
            tracked = self._exchange(machine, request)
            tracked.answered += 1
        tracked.compare(ciphertext)
        self._count(tracked, ciphertext[-BLOCK_SIZE:])

    def _exchange(self, machine: str, request: bytes) -> _Tracked:
        tracked = self._exchanges.get((machine, request))
        if tracked is None:
            key: tuple[str, bytes | int] = machine, request
            if len(self._exchanges) >= _MAX_REQUESTS:
                self._bounded = True
                key = machine, len(request) // BLOCK_SIZE
            tracked = self._exchanges.setdefault(key, _Tracked())
        return tracked

    def _count(self, tracked: _Tracked, last_block: bytes) -> None:
        if last_block not in tracked.ciphertexts:
            if self._different >= MAX_DIFFERENT:
                self._bounded = True
                return
            self._different += 1
        tracked.ciphertexts[last_block] += 1

    def _opening(self) -> dict[tuple[str, bytes], KnownMessage]:
        """Return the requests that are part of the opening sequence, by machine and ciphertext."""
        labels: dict[tuple[str, bytes], set[KnownMessage]] = defaultdict(set)
        for connection, asks in self._asks.items():
            machine = self._connections[connection].machine
            statistics = self._statistics[machine]
            sizes = [_usual(statistics.sizes.get(ask)) for ask in asks]
            for at, known in openings(asks, sizes):
                labels[machine, asks[at]].add(known)
        return {key: known.pop() for key, known in labels.items() if len(known) == 1}

    def _exchange_groups(self, labels: dict[tuple[str, bytes], KnownMessage]) -> Iterator[Group]:
        askers: Counter[tuple[str, bytes]] = Counter()  # one-block answers: of how many requests
        for (machine, _), tracked in self._exchanges.items():
            if _usual(tracked.sizes) == 1:
                askers.update((machine, last) for last in tracked.ciphertexts)
        for (machine, asked), tracked in self._exchanges.items():
            request = asked if isinstance(asked, bytes) else None
            app_blocks = len(asked) // BLOCK_SIZE if isinstance(asked, bytes) else asked
            shared = request is not None and any(askers[machine, last] > 1 for last in tracked.ciphertexts)
            sizes = (
                Counter(tracked.sizes) if request is None else self._statistics[machine].sizes.get(request, Counter())
            )
            size = _usual(sizes)
            candidates, reasons = known_requests(app_blocks, size, tracked.answered, shared=shared)
            label = None if request is None else labels.get((machine, request))
            chance = app_blocks == 1 and label is None and not _SURE_REPEATS <= sizes[size] == sizes.total()
            if chance and size:
                reasons.append("if that is its answer")
            yield _group(
                machine, GroupKind.EXCHANGE, tracked, app_blocks, request, candidates, reasons, label, mixed=chance
            )

    def _report_groups(self) -> Iterator[Group]:
        for (machine, blocks), tracked in self._reports.items():
            candidates = tuple(known for known in KNOWN_REPORTS if known.data_blocks == blocks)
            reasons = ["unasked, size"]
            if not candidates:
                candidates = tuple(known for known in KNOWN_READS if known.data_blocks == blocks)
                reasons = ["no known report has this size; if it is a late answer"] if candidates else reasons
            mixed = False
            for known in candidates:
                stable = stable_blocks(known)
                if stable and len(tracked.ciphertexts) > 1:
                    mixed = mixed or tracked.same_blocks < stable
                    alike = "all begin alike, as" if tracked.same_blocks >= stable else "not all begin alike, unlike"
                    reasons.append(f"{alike} its serial number does")
            group = _group(machine, GroupKind.REPORT, tracked, None, None, candidates, reasons, None, mixed=mixed)
            yield group


def _usual(sizes: Counter[int] | None) -> int:
    """Return the size of most answers in blocks; 0 without an answer."""
    return sizes.most_common(1)[0][0] if sizes else 0


def _group(  # noqa: PLR0917 -- in the order of the table's columns
    machine: str,
    kind: GroupKind,
    tracked: _Tracked,
    app_blocks: int | None,
    request: bytes | None,
    candidates: tuple[KnownMessage, ...],
    reasons: list[str],
    label: KnownMessage | None,
    *,
    mixed: bool = False,
) -> Group:
    if not candidates:
        confidence = Fit.NOTHING
    elif len(candidates) == 1 and not mixed:
        confidence = Fit.ONLY_FIT
    elif label in candidates:
        confidence = Fit.BEST_FIT
    else:
        confidence = Fit.FITS
    if label is not None and label in candidates:
        candidates = (label, *(known for known in candidates if known != label))
        reasons = [*reasons, "place in the opening order"]
    usual, total = _usual(tracked.sizes), tracked.sizes.total()
    if total and tracked.sizes[usual] < total:
        reasons = [*reasons, f"{total - tracked.sizes[usual]} of {total} answers have another size"]
    period, steady = tracked.pace()
    return Group(
        machine=machine,
        kind=kind,
        seen=tracked.seen,
        app_blocks=app_blocks,
        machine_blocks=usual or None,
        answered=tracked.answered,
        different=len(tracked.ciphertexts),
        repeated=max(tracked.ciphertexts.values(), default=0),
        same_blocks=tracked.same_blocks,
        period=period,
        steady=steady,
        request=request,
        candidates=candidates,
        confidence=confidence,
        rests_on=tuple(reasons),
    )


def _without_rivals(groups: list[Group]) -> Iterator[Group]:
    """Yield the groups; two that claim to be the same read lose their claim, for each read has one ciphertext."""
    certain = (Fit.ONLY_FIT, Fit.BEST_FIT)
    claims = Counter(
        (group.machine, group.candidates[0])
        for group in groups
        if group.kind is GroupKind.EXCHANGE and group.confidence in certain and group.candidates[0] in KNOWN_READS
    )
    for group in groups:
        if group.confidence in certain and group.kind is GroupKind.EXCHANGE:
            rivals = claims[group.machine, group.candidates[0]]
            if rivals > 1:
                reason = f"{rivals} requests fit this, and at most one is it"
                yield replace(group, confidence=Fit.FITS, rests_on=(*group.rests_on, reason))
                continue
        yield group
