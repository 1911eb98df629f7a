"""What an export has done up to now, in numbers, in lines for people, and as a dict for programs."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from lmdecode.app.dataset.finding import Trouble
from lmdecode.app.dataset.unit import Result, State
from lmdecode.render.counts import count_text

_MOST_KEPT: Final = 1000
"""Results that are kept to be listed; all are counted. What failed is in the dataset as well."""
_MOST_LISTED: Final = 20
_MOST_NAMED: Final = 3
"""Captures that are named where more have the same reason."""


@dataclass(slots=True)
class ExportReport:
    """What an export has done up to now."""

    total: int = 0
    """Captures that there are."""
    bytes_total: int = 0
    done: int = 0
    """Captures of which it is known what came of them."""
    bytes_done: int = 0
    current: str = ""
    """The name of the capture that is being read, or that was read last."""
    counts: Counter[State] = field(default_factory=Counter)
    rows: int = 0
    """Rows that came into the dataset."""
    problems: int = 0
    """Those of them that have any."""
    bytes_written: int = 0
    seconds: float = 0.0
    failed: list[Result] = field(default_factory=list)
    left: list[Result] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """What is wrong with captures that were added nevertheless (a cut file, gaps), one line each."""
    wrong: list[Trouble] = field(default_factory=list)
    """What the user named and cannot be had."""
    notes: list[str] = field(default_factory=list)
    """What is good to know, one line each."""

    @property
    def changed(self) -> int:
        """How many captures the dataset has anew."""
        return self.counts[State.ADDED] + self.counts[State.REPLACED]

    @property
    def exit_code(self) -> int:
        """0: all went well; 1: something failed or was left; what was named is not there: what that has alone."""
        if self.counts[State.FAILED] or self.counts[State.LEFT] or (self.wrong and self.done):
            return 1
        return max((each.exit_code for each in self.wrong), default=0)

    def add(self, result: Result, size: int) -> None:
        """Counts what came of a capture.

        Args:
            result: What came of it.
            size: Its bytes.
        """
        self.done += 1
        self.bytes_done += size
        self.current = result.name
        self.counts[result.state] += 1
        if result.state in {State.ADDED, State.REPLACED}:
            self.rows += result.rows
            self.problems += result.problems
            self.bytes_written += result.bytes_written
        for kept in (
            (self.failed,) if result.state is State.FAILED else (self.left,) if result.state is State.LEFT else ()
        ):
            if len(kept) < _MOST_KEPT:
                kept.append(result)
        self.complaints += result.complaints[: max(_MOST_KEPT - len(self.complaints), 0)]

    def summary(self, dataset: str) -> str:
        """Returns what was done, in one line.

        Args:
            dataset: What the dataset is called.
        """
        of_all = count_text(self.total, "capture")
        if self.total and self.counts[State.PRESENT] == self.total:
            return f"nothing to do: {of_all} {'is' if self.total == 1 else 'are'} in {dataset} already"
        states = [f"{self.counts[state]:,} {state}" for state in State if self.counts[state]]
        parts = [f"{of_all}: {', '.join(states) or 'none done'}"]
        if self.changed:
            parts.append(f"{count_text(self.rows, 'row')}, {self.problems:,} with problems")
        parts.append(f"{self.seconds:,.1f} s")
        return "; ".join(parts)

    def trouble(self, dataset: str) -> Iterator[str]:
        """Yields what went wrong, one line each, long lists cut.

        Args:
            dataset: What the dataset is called.
        """
        yield from (each.line for each in self.wrong[:_MOST_LISTED])
        if len(self.wrong) > _MOST_LISTED:
            yield f"and {len(self.wrong) - _MOST_LISTED:,} more that cannot be had"
        yield from _listed(self.left, self.counts[State.LEFT], "left for the next run", "more were left")
        sql = shlex.quote("select capture, complaints from captures where state = 'failed'")
        yield from _listed(
            self.failed,
            self.counts[State.FAILED],
            "",
            f"more failed; all of them: lmdecode query {shlex.quote(dataset)} {sql}",
        )

    def remarks(self) -> Iterator[str]:
        """Yields what is good to know, one line each, long lists cut."""
        yield from self.notes
        yield from self.complaints[:_MOST_LISTED]
        if len(self.complaints) > _MOST_LISTED:
            yield f"and {len(self.complaints) - _MOST_LISTED:,} more warnings about captures that are in the dataset"

    def as_dict(self) -> dict[str, object]:
        """Returns it as a JSON object."""
        return {
            "captures": self.total,
            **{str(state): self.counts[state] for state in State},
            "rows": self.rows,
            "problems": self.problems,
            "bytes_read": self.bytes_done,
            "bytes_written": self.bytes_written,
            "seconds": round(self.seconds, 3),
            "failures": [{"capture": each.name, "reason": each.reason} for each in self.failed],
            "left_captures": [{"capture": each.name, "reason": each.reason} for each in self.left],
            "not_found": [each.line for each in self.wrong],
            "complaints": self.complaints,
            "notes": self.notes,
        }


def without_name(name: str, text: str) -> str:
    """Returns what is said of a capture, without its name where it stands beside it anyhow.

    Args:
        name: The capture's.
        text: What is said, in one line.

    >>> without_name("a.pcap", "a.pcap: no key; a.pcap: it is damaged")
    'no key; it is damaged'
    """
    return text.removeprefix(f"{name}: ").replace(f"; {name}: ", "; ")


def _listed(results: Sequence[Result], count: int, what: str, more: str) -> Iterator[str]:
    """Yields what came of captures: a line for each with its name and the reason, or for many with the same reason."""
    alike: dict[str, list[str]] = {}
    for each in results:
        alike.setdefault(without_name(each.name, each.reason), []).append(each.name)
    lines: list[tuple[int, str]] = []
    for reason, names in alike.items():
        said = f"{reason or what}{f' ({what})' if what and reason else ''}"
        if len(names) <= _MOST_NAMED:
            lines += [(1, said if said.startswith(name) else f"{name}: {said}") for name in names]
        else:
            others = f"{', '.join(names[:_MOST_NAMED])} and {len(names) - _MOST_NAMED:,} more"
            lines.append((len(names), f"{len(names):,} captures: {said}: {others}"))
    yield from (line for _, line in lines[:_MOST_LISTED])
    told = sum(number for number, _ in lines[:_MOST_LISTED])
    if count > told:
        yield f"and {count - told:,} {more}"
