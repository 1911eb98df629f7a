"""One link to a machine: the steps of a request go over it one after another, and each has its time.

A step that takes longer ends the link: a late answer would be taken for the answer to the next request, and ATT allows
no further request on a link whose other end has let one go unanswered. For the same reason a step that nobody waits
for any more ends it. What has ended stays ended, until the next attempt begins over another peer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from lmdecode.codec.bluetooth.requester import (
    AttError,
    GattPause,
    GattRead,
    GattStep,
    GattSteps,
    GattSubscribe,
    GattWrite,
)
from lmdecode.device.bluetooth.radio import Peer
from lmdecode.device.errors import ConnectionLostError, MachineError

T = TypeVar("T")

_LET_GO: Final = 1.0  # s for a step that was given up to end


class Link:
    """Carries out GATT steps, as long as the link lasts.

    Args:
        name: What messages call the machine.
        timeout: Seconds that a step may take.
        on_value: Takes each value that is notified.
    """

    def __init__(self, name: str, timeout: float, on_value: Callable[[bytes], None]) -> None:
        self.name = name
        """What messages call the machine."""
        self.lost: MachineError | None = None
        """Why the link has ended; None while it has not."""
        self.failure: Exception | None = None
        """What has failed in this program while it took what the machine said; None if nothing has."""
        self._timeout = timeout
        self._on_value = on_value
        self._peer: Peer | None = None
        self._changed = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether nothing goes over it any more."""
        return self.lost is not None or self.failure is not None

    def begin(self, peer: Peer) -> None:
        """Begins anew, over a peer that is not connected yet."""
        self.lost = None
        self._peer = peer

    def peer(self) -> Peer:
        """Returns the other end.

        Raises:
            MachineError: The link has ended, or was never made.
        """
        if self.failure is not None:
            raise self.failure
        if self.lost is not None:
            raise self.lost
        if self._peer is None:
            raise ConnectionLostError(f"not connected to {self.name}")
        return self._peer

    def lose(self, error: MachineError) -> None:
        """Ends it; the first reason counts."""
        if self.lost is None:
            self.lost = error
        self._changed.set()

    def fail(self, error: Exception) -> None:
        """Ends it for a failure of this program, which whoever asks next gets."""
        self.failure = error
        self._changed.set()

    def is_gone(self) -> None:
        """Takes the news that the radio has lost the link."""
        self.lose(ConnectionLostError(f"the link to {self.name} is lost"))

    async def wait_over(self) -> None:
        """Waits until nothing goes over it any more."""
        while not self.is_over:
            self._changed.clear()
            await self._changed.wait()

    async def run(self, steps: GattSteps[T]) -> T:
        """Carries out GATT steps; returns their result.

        Raises:
            AttError: The machine answered with an error that the steps do not take.
            MachineError: The link has ended.
        """
        try:
            step = next(steps)
            while True:
                try:
                    result = await self._carry_out(step)
                except AttError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(result)
        except StopIteration as ended:
            return ended.value  # type: ignore[no-any-return]  # a generator's result has no type at run time
        finally:
            steps.close()

    async def _carry_out(self, step: GattStep) -> bytes | None:
        if self.lost is not None:
            raise self.lost
        peer = self._peer
        if peer is None:
            raise ConnectionLostError(f"not connected to {self.name}")
        match step:
            case GattRead(characteristic):
                return await self._in_time(peer.read(characteristic))
            case GattWrite(characteristic, value):
                await self._in_time(peer.write(characteristic, value))
            case GattSubscribe(characteristic):
                await self._in_time(peer.subscribe(characteristic, self._on_value))
            case GattPause(seconds):
                await self._in_time(asyncio.sleep(seconds))
        return None

    async def _in_time(self, request: Awaitable[T]) -> T:
        """Waits for one step, for as long as the link lasts and an answer may take.

        Raises:
            MachineError: The link is lost, or the machine is silent.
        """
        task = asyncio.ensure_future(request)
        over = asyncio.ensure_future(self.wait_over())
        try:
            await asyncio.wait({task, over}, timeout=self._timeout, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            if self.failure is not None:
                raise self.failure
            self.lose(ConnectionLostError(f"{self.name} has fallen silent: no answer within {self._timeout:g} s"))
            raise self.lost or ConnectionLostError(f"the link to {self.name} is lost")
        except ConnectionLostError as error:
            self.lose(error)
            raise
        finally:
            if not task.done():  # whoever waited was cancelled too, or the link ended: a late answer would be misread
                self.lose(ConnectionLostError(f"a request to {self.name} was given up"))
            for each in (task, over):
                each.cancel()
                each.add_done_callback(_forgotten)
            await asyncio.wait({task, over}, timeout=_LET_GO)


def _forgotten(task: asyncio.Future[T]) -> None:
    """Take the exception of a task that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
