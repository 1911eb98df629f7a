"""Hours at a simulated machine, with time made up: what app and machine say, as Records or as a capture."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator

from lmdecode.codec.dialect import Place
from lmdecode.codec.record import Kind, Record, Role, Sender, Value
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.message import Message, build
from lmdecode.codec.v1.window import decode_message, encode
from lmdecode.codec.v1.windows import WINDOWS
from lmdecode.simulator.machine import Machine
from tests.capture.building import MACHINE, SECOND, Talk, new_decoder, packets, pcap, seal

START_NS = 1_795_230_000 * SECOND  # 2026-11-21T03:00:00Z
STATUS = Message(Kind.READ, 0x4000, 0x23)
STEP = 0.5  # s
POLLED = tuple(window for window in WINDOWS if window.length > 1 and window.address not in (0x401C, 0x4060, 0x6000))

Said = tuple[int, Sender, Message]
"""When, who, what."""
Wanted = tuple[float, str, Value]
"""A write: the seconds, a register, its value."""
Touch = Callable[[Machine, float], None]
"""Does to the machine what nobody knows, at so many seconds."""


def shots(hours: float, *, seed: int = 1, every: float = 300.0) -> Iterator[tuple[float, int]]:
    """Coffees at odd times: when, and of which key."""
    chance = random.Random(seed)
    time = 60.0
    while time < hours * 3600:
        yield time, chance.choice((1, 2, 2, 3))
        time += chance.uniform(0.4, 1.6) * every


def spoken(
    hours: float,
    *,
    model: str = "GS3 AV",
    pours: Iterable[tuple[float, int]] | None = None,
    writes: Iterable[Wanted] = (),
    touch: Touch | None = None,
    poll: float = 3.0,
    slow_poll: float = 300.0,
) -> Iterator[Said]:
    """All that is said: (time_ns, sender, message).

    Args:
        hours: How long.
        model: The machine's.
        pours: Coffees, as `shots` gives them.
        writes: (seconds, name, value) of what the app writes.
        touch: Called with the machine and the seconds at each step, to do what nobody knows.
        poll: Seconds after which the app asks for the status again.
        slow_poll: The same for all other windows.
    """
    machine = Machine(model)
    due = deque(sorted(pours if pours is not None else shots(hours)))
    app = _app(writes, poll, slow_poll)
    next(app)
    for step in range(int(hours * 3600 / STEP)):
        seconds = step * STEP
        time_ns = START_NS + int(seconds * SECOND)
        while due and due[0][0] <= seconds:
            _, key = due.popleft()
            if machine.physics.on and machine.physics.pour is None:
                machine.physics.pull_shot(key)
        for request in app.send(seconds):
            yield time_ns, "app", request
            time_ns += SECOND // 1000
            answer = machine.receive(request)
            if answer is not None:
                yield time_ns, "machine", answer
                time_ns += SECOND // 1000
        for said in machine.advance(STEP):
            yield time_ns + SECOND // 100, "machine", said
        if touch is not None:
            touch(machine, seconds)


def _app(writes: Iterable[Wanted], poll: float, slow_poll: float) -> Generator[list[Message], float, None]:
    """What the app asks for: sent the seconds, gives requests."""
    to_write = deque(sorted(writes))
    next_poll = next_slow = 0.0
    asked: list[Message] = []
    while True:
        seconds = yield asked
        asked = []
        while to_write and to_write[0][0] <= seconds:
            asked.append(encode(*to_write.popleft()[1:]))
        if seconds >= next_poll:
            asked.append(STATUS)
            next_poll += poll
        if seconds >= next_slow:
            asked += [Message(Kind.READ, window.address, window.length) for window in POLLED]
            next_slow += slow_poll


def records(messages: Iterable[Said]) -> Iterator[Record]:
    """The Records of what was said, as a decoder without encryption would have them."""
    asked: dict[tuple[object, ...], int] = {}
    for time_ns, sender, message in messages:
        ends = ("192.168.1.150:36364", "192.168.1.215:1774")
        window = message[:3]
        role: Role = "request"
        ok = elapsed = None
        if sender == "app":
            asked[window] = time_ns
        else:
            ends = ends[::-1]
            asked_ns = asked.pop(window, None)
            role = "report" if asked_ns is None else "response"
            elapsed = None if asked_ns is None else (time_ns - asked_ns) / 1e9
            ok = message.ok
        yield Record(
            *(time_ns, 0, sender, *ends, message.kind, role, message.address, message.length),
            None if message.data is None else message.data.hex(),
            build(message).decode(),
            decode_message(message)[0],
            ok,
            elapsed,
        )


def captured(messages: Iterable[Said]) -> bytes:
    """The same as a pcap file, encrypted, on one connection."""
    talk = Talk(time_ns=START_NS - SECOND).open()
    for time_ns, sender, message in messages:
        talk.time_ns = max(time_ns, talk.time_ns)
        talk.send(sender, seal(build(message).decode()), acked=False)
    return pcap(packets(talk.close().segments))


def overheard(messages: Iterable[Said]) -> Iterator[Record]:
    """The Records as a real decoder has them: encrypted and decrypted."""
    conversation = Conversation(new_decoder(), Place(machine=f"{MACHINE.host}:{MACHINE.port}"))
    for time_ns, sender, message in messages:
        yield from conversation.receive(time_ns, sender, seal(build(message).decode()))


def flag_that_follows(bit: str, address: int, *, on: int = 1) -> Touch:
    """A `touch` that sets a byte while a bit of `heating_state` is set."""

    def touch(machine: Machine, _seconds: float) -> None:
        state = machine.registers.get("heating_state")
        assert isinstance(state, list)
        machine.memory.write(address, bytes([on if bit in state else 0]))

    return touch


def byte_that_wanders(address: int, *, seed: int = 7, every: float = 200.0) -> Touch:
    """A `touch` that changes a byte now and then, whatever the machine does."""
    chance = random.Random(seed)
    due = [chance.expovariate(1 / every)]

    def touch(machine: Machine, seconds: float) -> None:
        if seconds >= due[0]:
            due[0] += chance.expovariate(1 / every) + 1
            machine.memory.write(address, bytes([chance.randrange(4)]))

    return touch


def both(*touches: Touch) -> Touch:
    """Several of them."""

    def touch(machine: Machine, seconds: float) -> None:
        for each in touches:
            each(machine, seconds)

    return touch
