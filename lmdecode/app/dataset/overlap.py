"""What a dataset has of a recording already, when some of its pieces are those of another entry.

A ring of files (`tcpdump -W`, `dumpcap -b files:`) loses its oldest piece. With `--join`, what is left is a unit of
another name and content, most of whose pieces an entry has, together with the lost one. To replace that entry would
lose the rows of the lost piece; to add the unit beside it would double the others. So the entry stays, and the unit
adds only the rows of what is new. All of the unit is decoded for that, since connections go on from piece to piece.

An entry of which every piece is in the unit is replaced, as one that has grown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lmdecode.app.dataset.identity import Copy
from lmdecode.app.dataset.unit import Earlier


@dataclass(frozen=True, slots=True)
class Overlap:
    """How a unit goes together with what is there."""

    replaces: tuple[str, ...] = ()
    """The contents of entries in whose place it stands."""
    held: frozenset[int] = frozenset()
    """The numbers of its pieces whose rows other entries have."""
    after: Mapping[int, int] = field(default_factory=dict)
    """The numbers of pieces of which other entries have the beginning, with the time of the last row of that."""
    by: str = ""
    """The content of an entry that has some of them; "" if none has."""


def overlap_of(copy: Copy, earlier: Sequence[Earlier]) -> Overlap:
    """Returns how a unit goes together with entries.

    Args:
        copy: The unit's files.
        earlier: The entries that may have to do with it. The lengths of their last pieces must have been asked for.
    """
    numbers = {piece.content: number for number, piece in enumerate(copy.pieces)}
    replaced, others = [], []
    for entry in earlier:
        if entry.content == copy.content or not entry.pieces:
            continue
        *whole, last = entry.pieces
        begun = copy.begun_by(last)
        if all(piece.content in numbers for piece in whole) and (last.content in numbers or begun is not None):
            replaced.append(entry)
        elif entry.is_final:
            others.append((entry, begun))
    gone = {piece.content for entry in replaced for piece in entry.pieces}
    held: set[int] = set()
    after: dict[int, int] = {}
    by = ""
    for entry, begun in others:
        found = {
            numbers[piece.content]
            for piece in entry.pieces
            # What it has of such a piece it has together with another entry, which must not go.
            if piece.content in numbers and not (piece.content in entry.elsewhere and piece.content in gone)
        }
        held |= found
        if begun is not None and entry.latest is not None:
            after[begun] = max(after.get(begun, entry.latest), entry.latest)
            by = by or entry.content
        by = entry.content if found else by
    return Overlap(
        tuple(entry.content for entry in replaced),
        frozenset(held),
        {number: latest for number, latest in after.items() if number not in held},
        by,
    )
