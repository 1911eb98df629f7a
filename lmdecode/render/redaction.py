"""What was replaced in a copy, for people and for programs: by kind, and never the values."""

from __future__ import annotations

from collections.abc import Iterator

from lmdecode.redaction.summary import Redacted
from lmdecode.render.counts import count_text

TIMES = "The times are as they were: they show when somebody was at home."


def as_dict(made: Redacted) -> dict[str, object]:
    """Returns it as a JSON object."""
    return {
        "format": made.format,
        "messages": made.messages,
        "replaced": {each.kind: {"values": each.values, "times": each.times} for each in made.replaced},
        "left_out": made.left_out,
        "notes": list(made.notes),
    }


def as_lines(made: Redacted) -> Iterator[str]:
    """Yields it in lines."""
    yield f"{made.format}: {count_text(made.messages, 'message')} copied"
    width = max((len(each.kind) for each in made.replaced), default=0)
    for each in made.replaced:
        yield f"  {each.kind:{width}}  {count_text(each.values, 'value')}, replaced {count_text(each.times, 'time')}"
    if not made.replaced:
        yield "  nothing in it had to be replaced"
    for what, count in made.left_out.items():
        yield f"  left out: {what} ({count:,})"
    yield TIMES
