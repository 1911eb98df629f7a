"""Captures as one page to look at."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path

from lmdecode.app.captures import Captures, CaptureVerdict
from lmdecode.app.errors import CommandError
from lmdecode.app.files import STDIN
from lmdecode.codec.printable import printable
from lmdecode.render.report.data import ReportBuilder
from lmdecode.render.report.page import render


@dataclass(frozen=True, slots=True)
class Report:
    """A page, and what to say about the captures that it shows."""

    page: str | None
    """The page as HTML. None if there is nothing to show, so that no file should be written."""
    verdict: CaptureVerdict
    error: CommandError | None
    """Why there is nothing to show. None if `page` has something."""


def make_report(captures: Captures, *, title: str | None = None, output: Path | None = None) -> Report:
    """Returns the page of some captures.

    A page that says "nothing" is better than no page, but an older page with something in it is better still.

    Args:
        captures: To be read.
        title: The headline; None for the usual one.
        output: Where the page will be written; None for stdout.
    """
    gc.set_threshold(100_000)  # nothing here is a cycle: to look for some takes a tenth of the time
    builder = ReportBuilder()
    for record in captures.by_time(every_time=True):
        builder.add(record, shown=captures.is_asked(record.time_ns))
    verdict = captures.verdict()
    error = verdict.error
    is_empty = error is not None or not captures.messages or captures.chose_nothing
    if is_empty and output is not None and output.exists():
        what = captures.none_chosen or "there is no message in what was read"
        why = f"{what}, so {output} is left as it was"
        return Report(None, verdict, error or CommandError(why))
    names = ["standard input" if path == STDIN else path.name for path in captures.paths]
    names += [f"only what fits {captures.choice}"] if captures.choice else []
    notices = [*verdict.complaints, *filter(None, [verdict.nothing, captures.none_chosen])]
    title = printable(title or "Espresso machine report")
    data = builder.as_data(title, names, notices, empty=error is not None, is_shown=captures.is_asked)
    return Report(render(data, title), verdict, error)
