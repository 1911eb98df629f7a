"""What is said of every generation, whatever goes wrong: a command ends and tells the truth, a watch goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from lmdecode.codec.record import Record
from lmdecode.device.changing import Outcome, State, making, previewing
from lmdecode.device.driver import Driver, Query
from lmdecode.device.errors import MachineError
from lmdecode.device.session import Session, Snapshot, take_snapshot
from lmdecode.device.watch import Link, Watcher

LONGEST = 600.0
"""Seconds within which each command ends, whatever happens: each answer is waited for, each read tried three times."""
CALM = 120.0
"""Seconds without anything wrong after which a watch is connected: the longest pause, and a connection that hangs."""

Ended = Outcome | Snapshot | MachineError


def session(driver: Driver[Any]) -> Session[Any]:
    """A session as the commands make it."""
    return Session(driver.connection)


async def ended(talk: Session[Any], coroutine: Any) -> Any:
    """What came of a command: its result, or the error that an owner would see. The connection is closed then."""
    try:
        async with asyncio.timeout(LONGEST):
            result = await coroutine
    except MachineError as error:
        result = error
    finally:
        await talk.close()
    assert "\n" not in (str(result) if isinstance(result, MachineError) else "")
    return result


async def status(driver: Driver[Any]) -> Snapshot | MachineError:
    """All that the machine reveals."""
    talk = session(driver)
    found: Snapshot | MachineError = await ended(talk, take_snapshot(talk, driver.snapshot()))
    return found


@dataclass(frozen=True)
class Order:
    """A setting to change, as on the command line."""

    name: str
    words: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)

    def plan(self, driver: Driver[Any]) -> Any:
        """What it means for a machine."""
        return driver.plan(self.name, self.words, self.options)


async def change(driver: Driver[Any], order: Order) -> Outcome | MachineError:
    """Change a setting, as `send` does."""
    talk = session(driver)

    async def send() -> Outcome:
        return await talk.run(making(await talk.run(previewing(order.plan(driver)))))

    found: Outcome | MachineError = await ended(talk, send())
    return found


async def is_true(outcome: Outcome | MachineError, order: Order, driver: Driver[Any], sent: Sequence[object]) -> None:
    """Check what a command says against the machine, which is read again, now that nothing goes wrong any more.

    Args:
        outcome: What the command says.
        order: What it was to do.
        driver: The machine.
        sent: The writes that have arrived at the machine, or may have.
    """
    assert len(sent) == len(set(sent)), "a write was sent twice"
    if isinstance(outcome, MachineError):
        assert not sent, f"it failed, and something was sent: {outcome}"
        return
    assert len(sent) <= len(outcome.sent)
    assert outcome.done or outcome.complaint
    assert "\n" not in outcome.complaint
    async with session(driver) as talk:
        state = (await talk.run(previewing(order.plan(driver)))).before
    for result in outcome.results:
        made = result.change.is_made(state)
        match result.state:
            case State.DONE | State.UNCHANGED:
                assert made, result
            case State.NOT_TAKEN | State.NOT_SENT:
                assert not made, result


class Watch:
    """A watch, and all that it told.

    Args:
        driver: The machine.
        queries: What to ask again and again; None: what the driver says.
    """

    def __init__(self, driver: Driver[Any], queries: Sequence[Query[Any]] | None = None) -> None:
        self.records: list[Record] = []
        self.links: list[Link] = []
        self.watcher: Watcher[Any] = Watcher(
            lambda number, on_record: driver.connection(number, on_record, listens=True),
            interval=5.0,
            wait=True,
            on_record=self.records.append,
            on_link=self.links.append,
            queries=driver.polls() if queries is None else queries,
        )
        self._task: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.watcher.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        if self._task.done():
            self._task.result()  # what ended it
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def goes_on(self, seconds: float) -> None:
        """Let time pass; the watch must not end meanwhile."""
        assert self._task is not None
        done, _ = await asyncio.wait([self._task], timeout=seconds)
        assert not done, f"the watch ended: {self._task.exception()!r}"

    def fields(self) -> Mapping[str, Any]:
        """The latest value of each name."""
        return {name: value for record in self.records for name, value in record.fields.items()}
