"""All that a machine says of itself, read once."""

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
    """What a machine holds."""

    records: list[Record] = field(default_factory=list)
    """The answers, in the order of addresses."""
    silent: dict[str, str] = field(default_factory=dict)
    """By the name of a window that could not be read: why."""

    @property
    def fields(self) -> Fields:
        """All values by name."""
        return {name: value for record in self.records for name, value in record.fields.items()}


async def take_snapshot(session: Session) -> Snapshot:
    """Read all that the memory map knows. What the machine does not answer is left out, and noted.

    Raises:
        MachineError: It could not be read at all.
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
    """Each window with its answer, or why there is none, as they come.

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
    """What older firmware answers instead of a window; None if there is no such one."""
    return next(
        (
            each
            for each in WINDOWS
            if each.address == window.address and each.name == window.name and each.length < window.length
        ),
        None,
    )
