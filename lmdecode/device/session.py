"""A machine over one connection after another: the steps that `core` decides on are carried out here.

A connection may be lost at any time, and the next one is made when the next request needs it. The clients of a machine
may be several tasks, and the machine takes one connection at a time. So there is one `Session` a machine, which has one
connection or none, and lets one request after the other onto it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record, Value
from lmdecode.device.core import (
    FIRST_PAUSE,
    TRIES,
    Ask,
    Connect,
    Disconnect,
    Pause,
    Step,
    Steps,
    Write,
    asking,
    persisting,
    telling,
)
from lmdecode.device.driver import Connection, Query
from lmdecode.device.errors import BadAnswerError, NoAnswerError

R = TypeVar("R")
T = TypeVar("T")

Connector = Callable[[int], Connection[R]]
"""Makes a connection by its number, not connected yet."""


class Session(Generic[R]):
    """Reads and writes a machine over connections that may fail.

    Several tasks may use it at once. The machine takes one connection at a time, so there is never more than one here,
    and no connection is given up while a request of another task is under way on it.

    Args:
        connector: Makes the connections.
        tries: The number of times that a read is tried at most.
        pause: Seconds before the second try; they double before each next one.
    """

    def __init__(self, connector: Connector[R], *, tries: int = TRIES, pause: float = FIRST_PAUSE) -> None:
        self._connector = connector
        self._tries = tries
        self._pause = pause
        self._connection: Connection[R] | None = None
        self._count = 0
        self._broken = False
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._carry_out(Connect())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnects. A request that comes later, also a further try of one that is under way, connects again."""
        connection = self._connection
        if connection is not None:
            await connection.close()
            if self._connection is connection:  # else another task has connected meanwhile
                self._connection = None

    async def ask(self, request: R) -> Record:
        """Sends a request that changes nothing, several times if need be; returns the answer.

        Raises:
            MachineError: As for `Connection.ask`, in the last try.
        """
        return await self.run(asking(request))

    async def send(self, request: R) -> None:
        """Sends a request that changes something, once.

        Raises:
            RefusedError: The machine did not take it.
            MachineError: Something else failed; if it was sent, it is not known whether the machine took it.
        """
        await self.run(telling(request))

    async def run(self, steps: Steps[R, T], *, on_write: Callable[[R], None] | None = None) -> T:
        """Carries out what the client core decides, with further tries for each read; returns its result.

        Args:
            steps: The steps.
            on_write: Takes each request that changes something, just before it is sent.

        Raises:
            MachineError: As the core says.
        """
        steps = persisting(steps, tries=self._tries, pause=self._pause, is_first=lambda: self._count == 1)
        try:
            step = next(steps)
            while True:
                try:
                    result = await self._carry_out(step, on_write)
                except LmdecodeError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as ended:
            return ended.value  # type: ignore[no-any-return]  # a generator's result has no type at run time
        finally:
            steps.close()  # it has more to do only if this was cancelled; it must not do that later, in another task

    async def _carry_out(self, step: Step[R], on_write: Callable[[R], None] | None = None) -> Any:  # noqa: ANN401 -- the result of whichever step
        match step:
            case Pause(seconds):
                return await asyncio.sleep(seconds)
            case Disconnect():  # at once, before another task has its turn: there is no await on the way here
                self._broken = True
                return None
        async with self._turn:
            connection = await self._connected()
            try:
                match step:
                    case Ask(request):
                        return await connection.ask(request)
                    case Write(request):
                        if on_write is not None:
                            on_write(request)
                        return await connection.write(request)
            except LmdecodeError:  # whether the connection is still good, the core decides
                raise
            except BaseException:  # cancelled, say; the answer may come yet, and is none to the next request
                self._broken = True
                raise
        return None

    async def _connected(self) -> Connection[R]:
        if self._connection is not None and (self._broken or self._connection.lost is not None):
            await self.close()
        if self._connection is None:
            connection = self._connector(self._count)
            self._count += 1
            try:
                await connection.connect()
            except BaseException:
                await connection.close()
                raise
            self._connection, self._broken = connection, False
        return self._connection


@dataclass(slots=True)
class Snapshot:
    """The answers of one round of reads."""

    records: list[Record] = field(default_factory=list)
    """The answers, in the order of the questions."""
    silent: dict[str, str] = field(default_factory=dict)
    """Why a question was not answered, by its name."""

    @property
    def fields(self) -> dict[str, Value]:
        """The values by name."""
        return {name: value for record in self.records for name, value in record.fields.items()}


async def take_snapshot(session: Session[R], queries: Sequence[Query[R]], *, seconds: float | None = None) -> Snapshot:
    """Asks all questions. What the machine does not answer is noted in `silent`.

    Args:
        session: The session with the machine.
        queries: The questions.
        seconds: How long it may take in all; None: as long as it takes. What was not read by then is noted in `silent`.

    Raises:
        MachineError: The machine cannot be read at all.
    """
    snapshot = Snapshot()
    why = "it has not said anything that is an answer"
    asked = set[str]()
    try:
        async with asyncio.timeout(seconds):
            async for query, answer in read_all(session, queries):
                asked.add(query.name)
                if isinstance(answer, Record):
                    snapshot.records.append(answer)
                else:
                    snapshot.silent[query.name] = why = str(answer)
    except TimeoutError:
        if not snapshot.records:
            raise NoAnswerError(f"the machine has answered no read within {seconds:g} s: {why}") from None
        for query in queries:
            if query.name not in asked:
                snapshot.silent.setdefault(query.name, f"not read: {seconds:g} s were over")
    if not snapshot.records:
        count = len(snapshot.silent)
        raise NoAnswerError(why if count == 1 else f"the machine answers none of {count} reads: {why}")
    return snapshot


async def read_all(
    session: Session[R], queries: Sequence[Query[R]]
) -> AsyncIterator[tuple[Query[R], Record | Exception]]:
    """Yields each question with its answer, or with the error that explains a missing one.

    Raises:
        MachineError: The connection does not work any more.
    """
    for query in queries:
        answer: Record | Exception
        try:
            answer = await session.ask(query.request)
        except (NoAnswerError, BadAnswerError) as error:
            answer = error
            if query.older is not None:
                with contextlib.suppress(NoAnswerError, BadAnswerError):
                    answer = await session.ask(query.older.request)
        yield query, answer
