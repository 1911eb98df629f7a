"""Identification of captures without decrypting them: their probable content, and which key fits which connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lmdecode.analysis.filters import names_machine, parse
from lmdecode.analysis.generations import Generations, SpokenConnection
from lmdecode.analysis.identification import Identification, IdentificationResult
from lmdecode.analysis.machines import is_named
from lmdecode.app.asked import Asked, fits_no_machine
from lmdecode.app.captures import Captures
from lmdecode.app.decode import Progress, no_progress
from lmdecode.app.errors import CommandError
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.record import Record
from lmdecode.codec.v1 import GENERATION as V1
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.config.keys import find_keys


@dataclass(frozen=True, slots=True)
class Identified:
    """What captures are likely to hold."""

    result: IdentificationResult
    """What v1's encrypted frames are likely to be."""
    spoken: tuple[SpokenConnection, ...]
    """The connections of all generations."""
    complaints: tuple[str, ...]
    """What is wrong with a capture, one line each."""
    error: CommandError | None = None
    """Why nothing could be identified. Its text is empty if the complaints say it."""
    note: str = ""
    """What is good to know; "" if there is nothing."""


def identify(captures: Captures) -> Identified:
    """Returns what captures are likely to hold.

    Args:
        captures: To be read without a key.
    """
    identification, generations = Identification(), Generations()
    frames = 0
    for _, record in captures.in_turn():
        generations.add(record)
        if record.generation == V1:
            frames += record.raw is not None and record.raw[:1] == b"@"
            identification.add(record)
    result, verdict = identification.result(), captures.verdict()
    spoken = tuple(generations.connections())
    others = [each for each in spoken if each.generation != V1]
    usable = frames - sum(connection.unusable.total() for connection in result.connections)
    error, note = None, captures.none_chosen
    if frames and not usable and not others:
        error = CommandError(f"0 of {frames} frames are base64 of whole cipher blocks: they are not of v1")
    elif not usable and not others:
        error = verdict.error
        note = "" if error else "no frames: app and machine were connected, but said nothing"
    return Identified(result, spoken, verdict.complaints, error, note or "")


@dataclass(slots=True)
class KeyTrial:
    """One connection, and how many of its frames each key decrypts."""

    capture: Path
    stream: int
    app: str
    machine: str
    frames: int = 0
    decrypted: Counter[str] = field(default_factory=Counter)
    """Frames that give a message with a valid check byte, by the name of the key."""

    @property
    def best(self) -> tuple[str | None, int]:
        """The key that decrypts most of the frames, None if no key decrypts any; and how many frames."""
        best = self.decrypted.most_common(1)
        return best[0] if best else (None, 0)


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """Which key fits which connection."""

    connections: list[KeyTrial]
    complaints: tuple[str, ...]
    """What is wrong with a capture, one line each."""
    error: CommandError | None
    """Which connections no key fits; None if one fits each."""
    note: str = ""
    """What is good to know; "" if there is nothing."""
    several: bool = False
    """Whether several captures were read, so that a connection is named with its own."""


def check_keys(
    paths: Sequence[Path], asked: Asked, *, output: Path | None = None, progress: Progress = no_progress
) -> KeyCheck:
    """Tries each frame of captures with each key.

    Args:
        paths: The captures.
        asked: What is asked of them. A machine is the one whose key fits.
        output: The file that will be written; it must not be one of those that are read.
        progress: Opens a progress bar.

    Raises:
        MissingKeyError, ConfigError: There is no key, or it cannot be used.
        UsageError: A condition is about what only a key shows, or a machine was asked for that is not in the captures.
    """
    machines, origin = find_keys(asked.keys, asked.config)
    conditions = tuple(each for each in asked.where if names_machine(each))
    others = tuple(each for each in asked.where if each not in conditions)
    captures = Captures.without_keys(
        paths, replace(asked, machine=None, where=others), origin=origin, output=output, progress=progress
    )
    found = _of_machines(_tried(captures.in_turn(), machines), machines, captures, asked, conditions)
    several = len(captures.outcomes) > 1 and not asked.join
    unfit = ", ".join(
        f"{each.stream} of {each.capture}" if several else str(each.stream)
        for each in found
        if each.frames and each.best[0] is None
    )
    tried = "the key does not fit" if len(machines) == 1 else f"none of the {len(machines)} keys fits"
    why = f"{tried} connection {unfit} (from {origin}): it is another machine's, or an old one"
    error = CommandError(why) if unfit else None
    return KeyCheck(found, captures.verdict().complaints, error, captures.none_chosen, several=several)


def _of_machines(
    trials: list[KeyTrial],
    machines: Sequence[MachineKey],
    captures: Captures,
    asked: Asked,
    conditions: Sequence[str],
) -> list[KeyTrial]:
    """Returns the connections of the machines that were asked for.

    Raises:
        UsageError: None is.
    """
    if asked.machine is None and not conditions:
        return trials
    known, keys = captures.opened.known, {each.name: each for each in machines}
    names: list[tuple[str, ...]] = []
    for each in trials:
        fitting = each.best[0]
        host = each.machine.rpartition(":")[0]
        own = known.names_of(keys[fitting]) if fitting is not None else known.names_at(host)
        names.append((*own, host, each.machine))
    nobody = Record(0, 0, "app", "", "")
    passes = [
        all(parse(text, machines=lambda _, mine=mine: mine)(nobody) for text in conditions)  # type: ignore[misc]
        and (asked.machine is None or is_named(mine, asked.machine))
        for mine in names
    ]
    if trials and not any(passes) and (error := fits_no_machine(asked, names, [*map(str, captures.paths)])) is not None:
        raise error
    return [each for each, passing in zip(trials, passes, strict=True) if passing]


def _tried(records: Iterable[tuple[Path, Record]], machines: Sequence[MachineKey]) -> list[KeyTrial]:
    """Returns all connections, with each of their frames tried with each key."""
    decoders = [(machine.name, FrameDecoder(machine.key)) for machine in machines]
    found: dict[tuple[str | None, int], KeyTrial] = {}
    for path, record in records:
        if record.generation != V1:
            continue
        ends = record.source, record.destination
        app_end, machine_end = ends if record.sender == "app" else ends[::-1]
        connection = found.setdefault(record.connection, KeyTrial(path, record.stream, app_end, machine_end))
        raw = record.raw
        if raw is None or raw[:1] != b"@" or raw[-1:] != b"%":
            continue  # bytes between frames, or a gap
        connection.frames += 1
        for name, decoder in decoders:
            if decoder.decode(raw[1:-1]).valid:
                connection.decrypted[name] += 1
    return list(found.values())
