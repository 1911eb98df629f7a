"""Identification of captures without decrypting them: their probable content, and which key fits which connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lmdecode.analysis.identification import Identification, IdentificationResult
from lmdecode.app.captures import Captures
from lmdecode.app.errors import CommandError
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.record import Record
from lmdecode.codec.v1.decoder import FrameDecoder


@dataclass(frozen=True, slots=True)
class Identified:
    """What captures are likely to hold."""

    result: IdentificationResult
    complaints: tuple[str, ...]
    """What is wrong with a capture, one line each."""
    error: CommandError | None = None
    """Why none of the frames can be of v1. Its text is empty if the complaints say it."""
    note: str = ""
    """What is good to know; "" if there is nothing."""


def identify(captures: Captures) -> Identified:
    """Returns what captures are likely to hold.

    Args:
        captures: To be read without a key.
    """
    identification = Identification()
    for _, record in captures.in_turn():
        identification.add(record)
    result, verdict = identification.result(), captures.verdict()
    frames = captures.frames
    usable = frames - sum(connection.unusable.total() for connection in result.connections)
    error, note = None, ""
    if frames and not usable:
        error = CommandError(f"0 of {frames} frames are base64 of whole cipher blocks: they are not of v1")
    elif not usable:
        error = verdict.error
        note = "" if error else "no frames: app and machine were connected, but said nothing"
    return Identified(result, verdict.complaints, error, note)


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


def check_keys(captures: Captures, machines: Sequence[MachineKey], origin: str) -> KeyCheck:
    """Tries each frame of captures with each key.

    Args:
        captures: To be read without a key.
        machines: The keys, with their names.
        origin: Where they come from, for the message.
    """
    found = _tried(captures.in_turn(), machines)
    several = len({each.capture for each in found}) > 1
    unfit = ", ".join(
        f"{each.stream} of {each.capture}" if several else str(each.stream)
        for each in found
        if each.frames and each.best[0] is None
    )
    tried = "the key does not fit" if len(machines) == 1 else f"none of the {len(machines)} keys fits"
    why = f"{tried} connection {unfit} (from {origin}): it is another machine's, or an old one"
    return KeyCheck(found, captures.verdict().complaints, CommandError(why) if unfit else None)


def _tried(records: Iterable[tuple[Path, Record]], machines: Sequence[MachineKey]) -> list[KeyTrial]:
    """Returns all connections, with each of their frames tried with each key."""
    decoders = [(machine.name, FrameDecoder(machine.key)) for machine in machines]
    found: dict[tuple[str | None, int], KeyTrial] = {}
    for path, record in records:
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
