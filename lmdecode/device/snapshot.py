"""A snapshot: all that a machine says of itself, read once."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from lmdecode.codec.record import Record
from lmdecode.codec.v1.window import Fields
from lmdecode.codec.v1.windows import SNAPSHOT, WINDOWS, Window
from lmdecode.device.errors import BadAnswerError, NoAnswerError
from lmdecode.device.session import Session


@dataclass(slots=True)
class Snapshot:
    """The answers of one round of reads."""

    records: list[Record] = field(default_factory=list)
    """The answers, in the order of addresses."""
    silent: dict[str, str] = field(default_factory=dict)
    """Why a window could not be read, by its name."""

    @property
    def fields(self) -> Fields:
        """The values by name."""
        return {name: value for record in self.records for name, value in record.fields.items()}


async def take_snapshot(session: Session) -> Snapshot:
    """Reads all that the memory map knows. Windows that the machine does not answer are noted in `silent`.

    Raises:
        MachineError: The machine cannot be read at all.
    """
    snapshot = Snapshot()
    async for window, answer in read_snapshot(session):
        if isinstance(answer, Record):
            snapshot.records.append(answer)
        else:
            snapshot.silent[window.name] = str(answer)
    if not snapshot.records:
        raise NoAnswerError(f"the machine answers none of {len(snapshot.silent)} reads: {answer}")
    return snapshot


async def read_snapshot(session: Session) -> AsyncIterator[tuple[Window, Record | Exception]]:
    """Yields each window with its answer, or with the error that explains a missing one.

    Raises:
        MachineError: The connection does not work any more.
    """
    for window in SNAPSHOT:
        answer: Record | Exception
        try:
            answer = await session.read(window.address, window.length)
        except (NoAnswerError, BadAnswerError) as error:
            answer = error
            older = shorter(window)
            if older is not None:
                with contextlib.suppress(NoAnswerError, BadAnswerError):
                    answer = await session.read(older.address, older.length)
        yield window, answer


def shorter(window: Window) -> Window | None:
    """Returns the shorter window that older firmware answers instead; None if there is none."""
    return next(
        (
            each
            for each in WINDOWS
            if each.address == window.address and each.name == window.name and each.length < window.length
        ),
        None,
    )
