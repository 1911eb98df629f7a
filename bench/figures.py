"""What the runs of the benchmark say: medians, each with the range that it came from, and ratios within each round.

A shared machine has fast and slow minutes, so seconds of two commands can be compared only if both ran in the same
round, one after the other. The ratio is therefore taken in each round; its median and its range are what is shown.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

Figure: TypeAlias = Literal["seconds", "megabytes"]

_DECIMALS: Final = ((0.1, 3), (10, 2), (100, 1))  # below the first number, so many digits behind the point


class Run(NamedTuple):
    """What one run of a command took."""

    seconds: float
    """From its start to its end."""
    cpu_seconds: float
    """Of all its processes together, in user and system mode."""
    megabytes: float
    """The most memory that one of its processes had."""


class Spread(NamedTuple):
    """The middle of some figures, and how far apart they are."""

    median: float
    least: float
    most: float

    def text(self) -> str:
        """Returns the median with its range, all with the same number of decimals; a single figure has no range.

        >>> spread_of([0.584, 0.512, 0.66]).text(), spread_of([51.33]).text(), spread_of([1338.6, 1340]).text()
        ('0.58 (0.51–0.66)', '51.3', '1,339 (1,339–1,340)')
        """
        decimals = next((decimals for limit, decimals in _DECIMALS if self.median < limit), 0)
        median, least, most = (f"{each:,.{decimals}f}" for each in self)
        return median if least == most else f"{median} ({least}–{most})"


def spread_of(figures: Iterable[float]) -> Spread:
    """Returns the median of some figures and their range.

    Raises:
        ValueError: There are none.
    """
    listed = sorted(figures)
    if not listed:
        raise ValueError("no figures")
    return Spread(statistics.median(listed), listed[0], listed[-1])


def ratios(figures: Sequence[float], base: Sequence[float]) -> list[float]:
    """Returns the ratio of two commands in each round in which both ran. The slower peers run in the first few only.

    >>> ratios([2.0, 3.0], [1.0, 2.0, 5.0])
    [2.0, 1.5]
    """
    return [figure / of_base for figure, of_base in zip(figures, base, strict=False)]


class Raced(NamedTuple):
    """A command of a race, and what its runs took, in the order of the rounds."""

    race: str
    name: str
    command: str
    runs: Sequence[Run]
    compares: Figure = "seconds"
    """What the ratio is of."""
    frames: int = 0
    """That it decodes, to say how many a second; 0 does not say it."""

    def figures(self, of: Figure) -> list[float]:
        """Returns one figure of each run."""
        return [getattr(run, of) for run in self.runs]


def table_of(results: Iterable[Raced]) -> str:
    """Returns the results as a table in Markdown. In each race, the ratios are to its first command."""
    lines = ["| race | command | seconds | ratio | peak MB |", "| --- | --- | ---: | ---: | ---: |"]
    first: dict[str, Raced] = {}
    for raced in results:
        base = first.setdefault(raced.race, raced)
        race = raced.race if base is raced else ""
        seconds, megabytes = (spread_of(raced.figures(of)) for of in ("seconds", "megabytes"))
        pace = f" ({raced.frames / seconds.median:,.0f} frames a second)" if raced.frames else ""
        ratio = "1" if base is raced else spread_of(ratios(*_compared(raced, base))).text()
        of_memory = " of MB" if raced.compares == "megabytes" and base is not raced else ""
        peak = megabytes.text() if raced.compares == "megabytes" else f"{megabytes.most:,.0f}"
        lines.append(f"| {race} | {raced.name}{pace} | {seconds.text()} | {ratio}{of_memory} | {peak} |")
    return "\n".join(lines)


def _compared(raced: Raced, base: Raced) -> tuple[list[float], list[float]]:
    return raced.figures(raced.compares), base.figures(raced.compares)


def raw(results: Iterable[Raced]) -> list[dict[str, object]]:
    """Returns all figures of all runs, to be written as JSON."""
    return [raced._asdict() | {"runs": [run._asdict() for run in raced.runs]} for raced in results]


def in_rounds(cases: Sequence[tuple[int, Callable[[], Run | None]]]) -> list[list[Run]]:
    """Runs some commands in turns, so that a slow minute of the machine is one for all of them.

    Args:
        cases: How often each is to be run, and what runs it once. It returns None if it failed, and is then not run
            again.

    Returns:
        The runs of each, in the order of the rounds; none of what failed.
    """
    runs: list[list[Run]] = [[] for _ in cases]
    failed: set[int] = set()
    for turn in range(max((times for times, _ in cases), default=0)):
        for index, (times, run) in enumerate(cases):
            if turn >= times or index in failed:
                continue
            taken = run()
            if taken is None:
                failed.add(index)
                runs[index].clear()
            else:
                runs[index].append(taken)
    return runs
