"""A bridge between machines and an MQTT broker, as `lmdecode bridge` runs it for months.

The argument, part by part:

- **The app comes first.** A machine takes one connection at a time, so a bridge connects, reads and leaves; see
  `bridged_machine`. While the broker is away, nobody listens, so the machine is left alone.
- **One process for all machines.** They share one connection to the broker, and so one will: if the bridge dies, the
  broker says so for all of them. Each machine has its own task, so that one that is away holds nobody up.
- **Nothing is changed unless `--allow-writes` says so**, and then only the entities that `analysis.entities` calls
  writable, through the checks of `lmdecode send`: range and model, read first, written once, read back. There is
  nobody to ask, so the option is the consent to heat boilers and move water.
- **A command is good for five seconds.** "Power on" an hour later must not heat a machine beside which nobody stands.
  The broker keeps no command for a bridge that is not there (clean session). A retained command is of any age, so it
  is refused. One that waited here for the machine for longer is refused as well; and so is one that came out of the
  network when this process or computer had stood still.
- **Nobody who can publish can do harm by the form of a message.** A payload is at most some bytes of text. A name is
  looked up, never used. Commands wait in a short queue. Whatever is refused is a line in the log, and a result on a
  topic. But who sends a flood does not fill the disk with lines.
- **An automation that has gone wild does not wear the machine out.** What holds a setting can be written a limited
  number of times, and ten writes a second would be a million in a day. See `bridged_machine`.
- **What happens is told once.** A line for each change of a connection, and for each command; none for each attempt.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from lmdecode.allowance import Allowance
from lmdecode.analysis.entities import Entity
from lmdecode.analysis.machine_entities import every_entity
from lmdecode.app.bridged_machine import REFUSED, Answer, BridgedMachine, switches_off
from lmdecode.app.mqtt import Heard, MqttConnection
from lmdecode.codec.printable import printable
from lmdecode.device.changing import State
from lmdecode.device.errors import NoConnectionError
from lmdecode.render.home_assistant import (
    OFFLINE,
    ONLINE,
    Device,
    Topics,
    connection_text,
    discovery_message,
    result_text,
    state_text,
)

if TYPE_CHECKING:
    from lmdecode.config.mqtt import Broker
    from lmdecode.config.targets import AnyTarget

_LEAST: Final = 0.5  # s between two states of a machine
_LONGEST: Final = 60.0  # s until a state is published again although nothing has changed
_WAITING: Final = 8  # commands of a machine; as many again if they switch it off
_LARGEST: Final = 100  # bytes of a command
_BEAT: Final = 1.0  # s between two looks at the clock
_STOOD_STILL: Final = 5.0  # s between them after which this process must have stood still
_LINES_AT_ONCE: Final = 50  # of commands that change nothing, in the log
_LINES: Final = 0.1  # a second from then on: less than a megabyte in a day
_BIRTHS_AT_ONCE: Final = 3  # of Home Assistant
_BIRTHS: Final = 0.1  # a second from then on
_SETTLING: Final = 2.0  # s after that in which what comes may have waited for long


class Bridge:
    """Publishes machines, and carries out commands.

    Args:
        broker: The broker.
        targets: The machines.
        writes: Whether settings may be changed.
        every: Seconds between two reads of a machine's status.
        stay: Whether to keep the connections to the machines.
        once: Whether to publish once and end.
        timeout: Seconds to wait for a machine's answer.
        tell: Takes each event, in words.
    """

    def __init__(
        self,
        broker: Broker,
        targets: Sequence[AnyTarget],
        *,
        writes: bool,
        every: float,
        stay: bool,
        once: bool,
        timeout: float,
        tell: Callable[[str], None],
    ) -> None:
        self._writes = writes
        self._once = once
        self._tell = tell
        self.machines = [
            BridgedMachine(
                each, every=every, stay=stay, timeout=timeout, tell=tell, on_change=partial(self._note, number)
            )
            for number, each in enumerate(targets)
        ]
        client_id = broker.client_id or _client_id(broker.prefix, [each.address for each in self.machines])
        self.topics = Topics(broker.prefix, broker.discovery_prefix, client_id)
        self._mqtt = MqttConnection(
            broker,
            client_id=client_id,
            will=None if once else self.topics.bridge,
            subscriptions=[] if once else [self.topics.birth],
            on_message=self._hear,
            tell=tell,
            wait=not once,
        )
        self._news = [asyncio.Event() for _ in self.machines]
        self._commands: list[asyncio.Queue[tuple[str, Entity, str, float]]] = [
            asyncio.Queue(2 * _WAITING) for _ in self.machines
        ]
        self._published: list[tuple[Any, float]] = [(None, 0.0) for _ in self.machines]
        self._discovered: list[Any] = [None for _ in self.machines]
        self._ids = ["" for _ in self.machines]
        self._poured = [False for _ in self.machines]
        self._heard: set[str] = set()
        self._lines = Allowance(_LINES_AT_ONCE, _LINES)
        self._untold = 0
        self._births = Allowance(_BIRTHS_AT_ONCE, _BIRTHS)
        self._birth_waits = False
        self._beat_at = time.time()
        self._settled_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Runs until it is told to stop.

        Args:
            stop: Set to end it.

        Raises:
            NoConnectionError: It publishes once, and a machine could not be read.
            CommandError: As `MqttConnection.run`.
            WrongKeyError: The key of a machine is wrong.
        """
        self._mqtt.publish(self.topics.bridge, ONLINE)
        link = asyncio.create_task(self._mqtt.run())
        tasks: list[asyncio.Task[Any]] = [link, asyncio.create_task(stop.wait())]
        if self._once:
            tasks.append(asyncio.create_task(self._publish_once()))
        else:
            tasks.append(asyncio.create_task(self._beat()))
            for number, machine in enumerate(self.machines):
                tasks += [
                    asyncio.create_task(machine.run(self._mqtt.connected)),
                    asyncio.create_task(self._publish(number)),
                    asyncio.create_task(self._obey(number)),
                ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await self._end(tasks, link)

    async def _end(self, tasks: Sequence[asyncio.Task[Any]], link: asyncio.Task[Any]) -> None:
        for machine in self.machines:
            if said := machine.interruption:
                self._tell(f"{machine.name}: {said}")
        if not self._once:
            for machine in self.machines:
                if machine.id:
                    self._mqtt.publish(self.topics.availability(machine.id), OFFLINE)
            self._mqtt.publish(self.topics.bridge, OFFLINE)
        for task in tasks:
            task.cancel()
        others = [each for each in tasks if each is not link]
        await asyncio.gather(*others, *(each.close() for each in self.machines), return_exceptions=True)
        done, _ = await asyncio.wait([link], timeout=_SETTLING)
        for task in done:
            task.cancelled() or task.exception()  # the program ends anyway

    async def _publish_once(self) -> None:
        await self._mqtt.connected.wait()
        await asyncio.gather(*(machine.read() for machine in self.machines))
        for number in range(len(self.machines)):
            self._publish_machine(number)
        await self._mqtt.drained()
        missing = [f"{each.name}: {each.why}" for each in self.machines if not each.is_good]
        if missing:
            raise NoConnectionError("; ".join(missing))

    def _note(self, number: int, _machine: BridgedMachine) -> None:
        self._news[number].set()

    async def _publish(self, number: int) -> None:
        """Publishes a machine whenever something has changed, but not all the time."""
        while True:
            await self._news[number].wait()
            self._news[number].clear()
            self._publish_machine(number)
            await asyncio.sleep(_LEAST)

    def _publish_machine(self, number: int) -> None:
        machine, topics = self.machines[number], self.topics
        self._keep_apart(number)
        self._follow(number)
        if not machine.id:
            return
        entities = machine.entities
        offered = [each.name for each in entities], machine.model
        if offered != self._discovered[number]:
            self._discovered[number] = offered
            self._mqtt.publish(topics.discovery(machine.id), self._discovery(machine, entities))
        values, now = machine.values, time.monotonic()
        before, at = self._published[number]
        if values != before or now - at >= _LONGEST:
            self._published[number] = values, now
            self._mqtt.publish(topics.state(machine.id), state_text(values, _moment(machine.read_ns)))
        self._publish_if_new(
            topics.connection(machine.id), connection_text(machine.link, _moment(machine.link_since_ns), machine.why)
        )
        self._publish_if_new(topics.availability(machine.id), ONLINE if machine.is_good else OFFLINE)

    def _publish_if_new(self, topic: str, text: str) -> None:
        if self._mqtt.retained(topic) != text:
            self._mqtt.publish(topic, text)

    def _discovery(self, machine: BridgedMachine, entities: Sequence[Entity]) -> str:
        device = Device(
            id=machine.id,
            name=machine.title,
            model=machine.model,
            serial=machine.serial,
            firmware=str(machine.live.fields.get("firmware_ver") or "") or None,
        )
        message = discovery_message(device, entities, self.topics, writes=self._writes, also=every_entity())
        return json.dumps(message, ensure_ascii=False)

    def _keep_apart(self, number: int) -> None:
        """Gives a machine another id if it has that of an earlier one: two entries of the config may be one machine."""
        others = {each.id for each in self.machines[:number]}
        if self.machines[number].id and self.machines[number].id in others:
            self.machines[number].id += f"_{number + 1}"

    def _follow(self, number: int) -> None:
        """Leaves the topics of a machine that has another id now, and begins with those of the new one."""
        before, now = self._ids[number], self.machines[number].id
        if before == now:
            return
        self._ids[number] = now
        self._discovered[number], self._published[number] = None, (None, 0.0)
        if before and before not in self._ids:
            self._mqtt.publish(self.topics.availability(before), OFFLINE)
        if now and not self._once and now not in self._heard:
            self._heard.add(now)
            self._mqtt.subscribe(self.topics.command(now, "+"))

    async def _beat(self) -> None:
        """Notices when this process has stood still: what then comes out of the network may be of any age."""
        while True:
            await asyncio.sleep(_BEAT)
            if self._has_stood_still():
                self._settled_at = time.monotonic() + _SETTLING
                for each in self._news:
                    each.set()
            self._beat_at = time.time()
            for number, machine in enumerate(self.machines):
                pours, poured = machine.is_pouring, self._poured[number]
                if pours or poured:  # its end is not always said
                    self._poured[number] = pours
                    self._news[number].set()
            self._republish()
            self._tell_of_untold()

    def _has_stood_still(self) -> bool:
        return time.time() - self._beat_at > _STOOD_STILL

    def _hear(self, heard: Heard) -> None:
        if heard.topic == self.topics.birth:
            if heard.payload == ONLINE.encode() and not heard.retained:
                self._birth_waits = True
                self._republish()
            return
        commanded = self.topics.commanded(heard.topic)
        number = next((n for n, each in enumerate(self.machines) if commanded and each.id == commanded[0]), None)
        if commanded is None or number is None:
            return
        name = printable(commanded[1])[:_LARGEST]
        text = heard.payload[: _LARGEST + 1].decode("utf-8", "replace")
        entity, complaint = self._check(number, name, heard)
        if entity is not None and not complaint:
            waiting = self._commands[number]
            if waiting.full() or (waiting.qsize() >= _WAITING and not switches_off(entity, text)):
                complaint = f"{waiting.qsize()} commands already wait for the machine"
            else:
                waiting.put_nowait((self.machines[number].id, entity, text, heard.at))
        if complaint:
            self._say(number, name, text, Answer(REFUSED, complaint))

    def _tell_of_untold(self) -> None:
        if self._untold and self._lines.takes(1):
            self._tell(f"{self._untold} more commands were refused, or changed nothing")
            self._untold = 0

    def _republish(self) -> None:
        """Publishes everything once more if Home Assistant has started, but not at each of a flood of such messages."""
        if self._birth_waits and self._births.takes(1):
            self._birth_waits = False
            self._tell("Home Assistant has started; the bridge publishes everything again")
            self._mqtt.publish_again()

    def _check(self, number: int, name: str, heard: Heard) -> tuple[Entity | None, str]:
        """Returns the entity that a command is for, and why it is refused; "" if it is not."""
        known = {each.name: each for each in self.machines[number].entities}
        entity = known.get(name)
        if heard.retained:
            return entity, (
                "it is retained, so nobody knows how old it is: publish commands without retain; "
                f"to remove it: mosquitto_pub -r -n -t '{printable(heard.topic)}'"
            )
        if self._has_stood_still() or time.monotonic() < self._settled_at:
            return entity, "it arrived while the bridge was suspended, so nobody knows how old it is"
        if not self._writes:
            return entity, "the bridge only reads: start it with --allow-writes to change settings"
        if entity is None:
            near = get_close_matches(name, [each.name for each in known.values() if each.writable], n=1)
            return None, "the machine has no such setting" + (f"; did you mean {near[0]}?" if near else "")
        if len(heard.payload) > _LARGEST:
            return entity, f"no value has more than {_LARGEST} bytes"
        return entity, ""

    async def _obey(self, number: int) -> None:
        while True:
            of, entity, text, received = await self._commands[number].get()
            if of == self.machines[number].id:
                answer = await self.machines[number].change(entity, text, received=received)
            else:
                answer = Answer(REFUSED, f"it was for {of}, and another machine has its address now")
            self._say(number, entity.name, text, answer)

    def _say(self, number: int, name: str, text: str, answer: Answer) -> None:
        machine, shown, state = self.machines[number], printable(text)[:_LARGEST], answer.state
        reason = f": {answer.complaint}" if answer.complaint else ""
        if state not in {REFUSED, State.UNCHANGED} or self._lines.takes(1):
            self._tell(f"{machine.name}: {name} {shown}: {state}{reason}")
        else:
            self._untold += 1
        result = result_text(name, shown, state, _moment(time.time_ns()), complaint=answer.complaint, now=answer.now)
        self._mqtt.publish_event(self.topics.result(machine.id), result)
        if state not in {State.DONE, State.UNCHANGED}:
            self._mqtt.publish_again(self.topics.state(machine.id))  # so that a switch goes back where it was


def _client_id(prefix: str, addresses: Sequence[str]) -> str:
    """Returns a name that is the same after a restart, and another one for other machines."""
    text = "\n".join([prefix, *sorted(addresses)])
    return f"lmdecode-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _moment(time_ns: int) -> str:
    """Returns a time as home automations read it: UTC, to the second."""
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
