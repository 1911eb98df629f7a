"""What a capture is likely to hold: tables for people and one JSON object for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from lmdecode.analysis.generations import SpokenConnection
from lmdecode.analysis.identification import Fit, Group, IdentificationResult, KeylessConnection
from lmdecode.analysis.keyless_pairing import GroupKind, KnownMessage, data_sizes
from lmdecode.codec.printable import printable
from lmdecode.codec.record import Kind, iso_time
from lmdecode.codec.v1 import GENERATION as V1
from lmdecode.codec.v1.framing import wrap
from lmdecode.render.counts import count_text
from lmdecode.render.sentence import short_subject
from lmdecode.render.terminal import ByWidth

_LEGEND = (
    "Likely, not certain: without the key only sizes, repetitions and times are known. "
    "Size: in blocks of 16 characters, request → answer; ~: not steady. Only fit: no other known message has this "
    "size; best fit of 4: four have it, and the order in which a known app asks speaks for this one."
)
_SUBJECT_WIDTH = 66  # characters
_SUBJECTS = 6  # of a connection, shown; the JSON has all
_CONNECTIONS = 12  # shown in full; the JSON has all
_STYLES = {
    Fit.ONLY_FIT: "green",
    Fit.BEST_FIT: "green",
    Fit.FITS: "yellow",
    Fit.NOTHING: "red",
}


def as_tables(result: IdentificationResult, spoken: Sequence[SpokenConnection] = ()) -> Iterable[RenderableType]:
    """Yields the connections of all generations, and what is likely to be said in those of v1."""
    others = [each for each in spoken if each.generation != V1]
    for each in others[:_CONNECTIONS]:
        yield _spoken_text(each)
    if len(others) > _CONNECTIONS:
        yield Text(f"and {len(others) - _CONNECTIONS:,} such connections more (--json has them all)", "dim")
    connections = result.connections
    for connection in connections[:_CONNECTIONS]:
        yield _connection_text(connection)
    if len(connections) > _CONNECTIONS:
        yield Text(f"and {len(connections) - _CONNECTIONS:,} connections more (--json has them all)", "dim")
    if not result.groups:
        return
    machines = list(dict.fromkeys(group.machine for group in result.groups))
    for machine in machines:
        if len(machines) > 1:
            yield Text(f"\nmachine {printable(machine)}", "bold")
        yield _groups_table([group for group in result.groups if group.machine == machine])
    if result.bounded:
        yield Text("! too many different frames to tell all apart: some are counted by size only", "yellow")
    yield Text(_LEGEND, "dim")


def as_dict(result: IdentificationResult, spoken: Sequence[SpokenConnection] = ()) -> dict[str, object]:
    """Returns everything that was identified, for JSON."""
    return {
        "generations": [_spoken_dict(each) for each in spoken],
        "connections": [_connection_dict(connection) for connection in result.connections],
        "groups": [_group_dict(group) for group in result.groups],
        "all_told_apart": not result.bounded,
    }


def _spoken_text(connection: SpokenConnection) -> Text:
    seconds = (connection.last_ns - connection.first_ns) / 1e9
    text = Text.assemble(
        (f"connection {connection.stream}", "bold"),
        "" if connection.capture is None else f" of {printable(str(connection.capture))}",
        ": ",
        (connection.generation, "bold green"),
        f", {connection.title}",
        f"\n  app {printable(connection.app)} ↔ {printable(connection.machine)}, {_seconds(seconds)}",
    )
    said = [f"{name} {printable(str(value))}" for name, value in connection.facts.items()]
    if said:
        text.append(f"\n  {', '.join(said)}", "bold")
    counts = ", ".join(f"{count:,} of the {sender}" for sender, count in connection.messages.items())
    text.append(f"\n  {count_text(connection.messages.total(), 'message')}: {counts}")
    for subject, count in connection.subjects.most_common(_SUBJECTS):
        text.append(f"\n    {count:>6,} {short_subject(printable(subject), _SUBJECT_WIDTH)}", "dim")
    if len(connection.subjects) > _SUBJECTS:
        text.append(f"\n           and {len(connection.subjects) - _SUBJECTS:,} other subjects", "dim")
    if connection.unknown:
        names = ", ".join(printable(name) for name, _ in connection.unknown.most_common(_SUBJECTS))
        more = ", …" if len(connection.unknown) > _SUBJECTS else ""
        text.append(f"\n  without a name in lmdecode: {names}{more}", "yellow")
    if connection.problems:
        text.append(f"\n  ! {count_text(connection.problems, 'message')} with problems: see lmdecode decode", "red")
    return text


def _spoken_dict(connection: SpokenConnection) -> dict[str, object]:
    return {
        **({} if connection.capture is None else {"capture": connection.capture}),
        "stream": connection.stream,
        "generation": connection.generation,
        "app": connection.app,
        "machine": connection.machine,
        "first": iso_time(connection.first_ns),
        "last": iso_time(connection.last_ns),
        "messages": _both(connection.messages),
        "problems": connection.problems,
        "facts": connection.facts,
        "subjects": dict(connection.subjects.most_common()),
        "unknown": dict(connection.unknown.most_common()),
    }


def _connection_text(connection: KeylessConnection) -> Text:
    seconds = (connection.last_ns - connection.first_ns) / 1e9
    text = Text.assemble(
        (f"connection {connection.stream}", "bold"),
        "" if connection.capture is None else f" of {printable(str(connection.capture))}",
        ": ",
        (V1, "bold green"),
        f", app {printable(connection.app)} ↔ machine {printable(connection.machine)}, {_seconds(seconds)}",
    )
    for sender in ("app", "machine"):
        frames, size = connection.frames[sender], connection.size[sender]
        text.append(f"\n  {sender:<7} {count_text(frames, 'frame')}, {count_text(size, 'byte')}")
        sizes = sorted(connection.blocks[sender].items())
        for blocks, count in sizes:
            least, most = data_sizes(blocks)
            text.append(f"\n    {count:>6,} of size {blocks}: {least} to {most} bytes of data", "dim")
    for wrong, count in connection.unusable.items():
        text.append(f"\n  ! {count_text(count, 'frame')} {wrong}: not this protocol, or damaged", "red")
    if connection.bytes_skipped:
        text.append(f"\n  ! {count_text(connection.bytes_skipped, 'byte')} in no whole frame", "red")
    if connection.gaps:
        text.append(f"\n  ! {count_text(connection.gaps, 'gap')}: packets are not in the capture", "red")
    return text


def _groups_table(groups: list[Group]) -> ByWidth:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("frames", width=12)
    table.add_column("seen", justify="right", no_wrap=True)
    table.add_column("size", no_wrap=True)
    table.add_column("every", justify="right", no_wrap=True)
    table.add_column("likely", width=25)
    table.add_column("rests on", style="dim")
    rows: dict[tuple[object, ...], list[Group]] = {}
    for group in groups:
        same = group.kind, group.app_blocks, group.machine_blocks, group.candidates, group.confidence, group.rests_on
        rows.setdefault(same, []).append(group)
    narrow = Text()
    for together in rows.values():
        first = together[0]
        frames, seen = _frames_text(together), f"{sum(group.seen for group in together):,}"
        period = _period_text(first) if len(together) == 1 else ""
        likely, rests_on = _likely_text(first), "; ".join(first.rests_on)
        table.add_row(frames, seen, _size_text(first), period, likely, rests_on)
        narrow.append(
            f"{frames}: {seen} seen, size {_size_text(first).strip()}{f', every {period}' if period else ''}\n"
        )
        narrow.append("  ").append_text(Text.assemble(likely)).append("\n")
        if rests_on:
            narrow.append(f"  {rests_on}\n", "dim")
    narrow.rstrip()
    return ByWidth(table, narrow)


def _frames_text(groups: list[Group]) -> str:
    first = groups[0]
    if first.kind is GroupKind.EXCHANGE:
        return "request" if len(groups) == 1 else f"{len(groups)} requests"
    return (
        f"report, {first.different:,} different"
        if first.different > 1
        else "report, always the same"
        if first.seen > 1
        else "report"
    )


def _size_text(group: Group) -> str:
    if group.kind is GroupKind.REPORT:
        return f"  → {group.machine_blocks}"
    return f"{group.app_blocks} → {group.machine_blocks or '–'}"


def _period_text(group: Group) -> str:
    if group.period is None:
        return ""
    return _seconds(group.period) if group.steady else f"~{_seconds(group.period)}"


def _likely_text(group: Group) -> Text:
    candidates, confidence = group.candidates, group.confidence
    if confidence is Fit.NOTHING:
        return Text("nothing known fits", _STYLES[confidence])
    if confidence is Fit.BEST_FIT:
        text = Text.assemble((_known_text(candidates[0]), "bold"))
        text.append(f"\nbest fit of {len(candidates)}", _STYLES[confidence])
        return text
    if confidence is Fit.ONLY_FIT:
        return Text.assemble((_known_text(candidates[0]), "bold"), (f"\n{confidence}", _STYLES[confidence]))
    parts = [_known_text(known) for known in candidates if known.kind is not Kind.WRITE]
    writes = sum(known.kind is Kind.WRITE for known in candidates)
    if len(parts) > 4:
        parts = [f"one of {len(parts)} reads"]
    if writes:
        parts.append(f"a write to one of {writes} registers")
    others = f"fits, with {count_text(len(candidates) - 1, 'other')}" if len(candidates) > 1 else "may be among them"
    return Text.assemble(" or ".join(parts), (f"\n{others}", _STYLES[confidence]))


def _known_text(known: KnownMessage) -> str:
    return f"{known.name} {known.preamble}"


def _connection_dict(connection: KeylessConnection) -> dict[str, object]:
    return {
        **({} if connection.capture is None else {"capture": connection.capture}),
        "stream": connection.stream,
        "app": connection.app,
        "machine": connection.machine,
        "first": iso_time(connection.first_ns),
        "last": iso_time(connection.last_ns),
        "seconds": (connection.last_ns - connection.first_ns) / 1e9,
        "frames": _both(connection.frames),
        "bytes": _both(connection.size),
        "sizes": {
            sender: [
                {"blocks": blocks, "frames": count, "least_data": least, "most_data": most}
                for blocks, count in sorted(sizes.items())
                for least, most in [data_sizes(blocks)]
            ]
            for sender, sizes in connection.blocks.items()
        },
        "unusable": dict(connection.unusable),
        "bytes_skipped": connection.bytes_skipped,
        "gaps": connection.gaps,
    }


def _group_dict(group: Group) -> dict[str, object]:
    return {
        "machine": group.machine,
        "part": str(group.kind),
        "frame": None if group.request is None else wrap(group.request).decode("ascii"),
        "seen": group.seen,
        "answered": group.answered,
        "app_blocks": group.app_blocks,
        "machine_blocks": group.machine_blocks,
        "different": group.different,
        "most_repeated": group.repeated,
        "same_first_blocks": group.same_blocks,
        "period": group.period,
        "steady": group.steady,
        "confidence": str(group.confidence),
        "candidates": [
            {"kind": str(known.kind), "address": known.address, "length": known.length, "name": known.name}
            for known in group.candidates
        ],
        "rests_on": list(group.rests_on),
    }


def _both(counts: Mapping[str, int]) -> dict[str, int]:
    return {sender: Counter(counts)[sender] for sender in ("app", "machine")}


def _seconds(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.2g} s" if seconds < 1 else f"{seconds:.1f} s"
