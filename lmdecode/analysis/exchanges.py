"""Which frame of the machine answers which of the app's, told without a key.

Machines answer in order and soon. A guess all the same: a report that comes while an answer is due is taken for it,
unless its size or its first block says otherwise, and a missing answer shifts those after it. So only what was said in
a burst of requests of which each got its answer is relied on.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

from lmdecode.analysis.known_messages import KNOWN_REPORTS
from lmdecode.codec.v1.key import BLOCK_SIZE

__all__ = ["PATIENCE_NS", "Memory", "Pairing"]

PATIENCE_NS: Final = 1_000_000_000
"""After so long a silence a request is taken for unanswered: reports come about one a second. Our choice."""
_REPORT_PATIENCE_NS: Final = 250_000_000
"""The same where the next frame has the size of a report."""
_MAX_PENDING: Final = 64
_MAX_FIRST_BLOCKS: Final = 8192
_REPORT_BLOCKS: Final = frozenset(known.data_blocks for known in KNOWN_REPORTS)


@dataclass(slots=True)
class Memory:
    """What was learnt of one machine's requests. Bounded."""

    sizes: dict[bytes, Counter[int]] = field(default_factory=dict)
    """Of a request: how often an answer that can be relied on had so many blocks."""
    askers: dict[bytes, bytes | None] = field(default_factory=dict)
    """Of a frame's first block: the request that it answered; None if it came unasked."""


class Pairing:
    """Pairs the frames of one connection."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._pending: deque[tuple[int, bytes]] = deque(maxlen=_MAX_PENDING)
        self._burst: list[tuple[bytes, int, bytes]] | None = []  # since nothing was due; None if unreliable
        self._heard_ns = 0

    def ask(self, time_ns: int, request: bytes) -> None:
        """Take a frame of the app."""
        if not self._pending:
            self.settle()
        self._pending.append((time_ns, request))

    def forget(self) -> None:
        """Frames are missing here: nothing that is due can be relied on."""
        self._pending.clear()
        self._burst = None

    def answer(self, time_ns: int, ciphertext: bytes) -> bytes | None:
        """Take a frame of the machine: the request that it answers, None if it comes unasked."""
        pending = self._pending
        blocks = len(ciphertext) // BLOCK_SIZE
        first = ciphertext[:BLOCK_SIZE]
        patience = _REPORT_PATIENCE_NS if blocks in _REPORT_BLOCKS else PATIENCE_NS
        while pending and time_ns - max(pending[0][0], self._heard_ns) > patience:
            pending.popleft()
            self._burst = None
        request = self._choose(first, blocks) if pending else None
        if request is not None:
            self._heard_ns = time_ns
            if self._burst is not None:
                self._burst.append((request, blocks, first))
                if len(self._burst) > _MAX_PENDING:
                    self._burst = None
        elif blocks in _REPORT_BLOCKS:
            self._remember(first, None)
        elif not pending:  # an answer too many: a report was taken for one before
            self._burst = None
        return request

    def settle(self) -> None:
        """Rely on the answers of the burst that is over, unless something was wrong with it."""
        if not self._pending:
            for request, blocks, first in self._burst or ():
                self._memory.sizes.setdefault(request, Counter())[blocks] += 1
                self._remember(first, request)
            self._burst = []

    def _remember(self, first: bytes, request: bytes | None) -> None:
        askers = self._memory.askers
        if first in askers or len(askers) < _MAX_FIRST_BLOCKS:
            askers[first] = request

    def _choose(self, first: bytes, blocks: int) -> bytes | None:
        """The request to pair a frame with, which is then no longer due."""
        pending, memory = self._pending, self._memory
        if first in memory.askers:  # equal first blocks are one kind and one window
            asker = memory.askers[first]
            for index, (_, request) in enumerate(pending):
                if request == asker:
                    del pending[index]
                    return request
            if asker is None:
                return None
        for index, (_, request) in enumerate(pending):
            sizes = memory.sizes.get(request)
            if sizes is None or sizes.most_common(1)[0][0] == blocks:
                del pending[index]
                return request
        return None if blocks in _REPORT_BLOCKS else pending.popleft()[1]
