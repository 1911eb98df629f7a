"""Records of a simulated machine: it is driven by hand, what it says goes through a real connection's decoding."""

from __future__ import annotations

from collections.abc import Callable

from lmdecode.codec.dialect import Place
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.memory_map import by_name
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.windows import WINDOWS
from lmdecode.simulator.faults import frame
from lmdecode.simulator.machine import Machine
from tests.codec.v1.samples import KEY_TEXT

KEY = Key.parse(KEY_TEXT)
START_NS = 1_795_229_755_000_000_000


class Tape:
    """A machine, and the records of what was said."""

    def __init__(self, model: str = "GS3 AV") -> None:
        self.machine = Machine(model)
        self.records: list[Record] = []
        self.seconds = 0.0
        self._streams = 0
        self.connect()

    @property
    def now_ns(self) -> int:
        return START_NS + round(self.seconds * 1e9)

    def connect(self) -> None:
        """End the connection, and make a new one."""
        self._talk = Conversation(FrameDecoder(KEY), Place(stream=self._streams, app="app:1", machine="machine:1774"))
        self._streams += 1

    def wait(self, seconds: float, change: Callable[[Message, bytes], bytes | None] | None = None) -> None:
        """Let time pass; `change` may make something else of a frame, or (None) keep it out of the capture."""
        for _ in range(round(seconds / 0.5)):
            said = self.machine.advance(0.5)
            self.seconds += 0.5
            for message in said:
                raw: bytes | None = frame(KEY, message)
                if change is not None and raw is not None:
                    size = len(raw)
                    raw = change(message, raw)
                    if raw is None:
                        self.records += self._talk.gap(self.now_ns, "machine", size, "gap")
                        continue
                self.hear("machine", raw or b"")

    def away(self, seconds: float) -> None:
        """Let time pass while nobody is connected."""
        for _ in range(round(seconds / 0.5)):
            self.machine.advance(0.5)
            self.seconds += 0.5

    def hear(self, sender: str, raw: bytes) -> None:
        self.records += self._talk.receive(self.now_ns, sender, raw)  # type: ignore[arg-type]

    def ask(self, request: Message) -> None:
        """A request, and its answer."""
        self.hear("app", frame(KEY, request))
        self.seconds += 0.03
        answer = self.machine.receive(request)
        if answer is not None:
            self.hear("machine", frame(KEY, answer))

    def read(self, name: str) -> None:
        """Read a window that has a name."""
        window = [each for each in WINDOWS if each.name == name][-1]
        self.ask(Message(Kind.READ, window.address, window.length))

    def write(self, name: str, value: Value) -> None:
        row = by_name(name)[0]
        self.ask(Message(Kind.WRITE, row.address, row.size, row.type.encode(value)))
