"""What tables and CSV keep of a clean message, until its window's columns are filled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from lmdecode.codec.dialect import FieldsAs, Place
from lmdecode.codec.record import Record, Role, Sender, Value
from lmdecode.codec.v1 import GENERATION
from lmdecode.codec.v1.message import Header

P = TypeVar("P")


class CleanRows:
    """The part of a `CleanSink` that keeps of each message only what differs from one to the next."""

    fields_as: FieldsAs = "none"

    def on_clean_message(  # noqa: PLR0917 -- as `CleanSink` has it
        self,
        time_ns: int,
        prepared: P,
        text: str,
        fields: Mapping[str, Value] | str,  # noqa: ARG002 -- the plaintext says it
        problems: tuple[str, ...],
        elapsed: float | None,
        machine: str | None,
        request: object,  # noqa: ARG002 -- a row does not have it
    ) -> tuple[int, P, str, tuple[str, ...], float | None, str | None]:
        """Returns a message's time, what it has in common with others, its plaintext, problems, wait and machine."""
        return time_ns, prepared, text, problems, elapsed, machine


def head_of(place: Place, sender: Sender, window: Header, role: Role) -> Record:
    """Returns a Record with all that the clean messages of a window in a connection have in common."""
    stream, app, machine, capture, _ = place
    ends = (app, machine) if sender == "app" else (machine, app)
    kind, address, length = window
    return Record(0, stream, sender, *ends, kind, role, address, length, generation=GENERATION, capture=capture)
