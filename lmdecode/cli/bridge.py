"""`lmdecode bridge`: machines in a home automation, over MQTT."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from lmdecode.cli._common import completion
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.live import run_live
from lmdecode.cli._common.options import (
    BluetoothOption,
    ConfigOption,
    HostOption,
    KeyOption,
    LiveGenerationOption,
    LivePortOption,
    RadioOption,
    TimeoutOption,
    seconds_of,
)
from lmdecode.config.mqtt import DISCOVERY_PREFIX, PASSWORD_VARIABLE, PREFIX
from lmdecode.device.timing import ANSWER_TIMEOUT

if TYPE_CHECKING:
    from lmdecode.config.mqtt import Broker
    from lmdecode.config.targets import AnyTarget

_EVERY: Final = 30.0  # s between two visits
_EVERY_STAYING: Final = 5.0  # s between two reads of what a machine does not report by itself
_LEAST_EVERY: Final = 2.0


@reports_errors
def bridge(
    mqtt: Annotated[
        str | None,
        typer.Option(
            metavar="BROKER",
            help="The MQTT broker: HOST, HOST:PORT, mqtt://HOST or, encrypted, mqtts://HOST. "
            '[default: "host" of "mqtt" in the config]',
            show_default=False,
        ),
    ] = None,
    username: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f'The broker\'s user. The password comes from {PASSWORD_VARIABLE} or from "password" of "mqtt" in the '
            "config; otherwise you are asked for it.",
            show_default=False,
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The certificate of the authority that signed the broker's certificate, in PEM format; the connection "
            "is then encrypted.",
            show_default=False,
        ),
    ] = None,
    allow_writes: Annotated[
        bool,
        typer.Option(
            "--allow-writes",
            help="Let the home automation change settings. Anyone who may publish on the broker can then switch the "
            "machine on, heat its boilers and change how much water it pours; the bridge does not ask.",
        ),
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(
            parser=seconds_of,
            metavar="TIME",
            help="Time between two reads: 30s, 10m; 2s at least. [default: 30s, with --stay 5s]",
            show_default=False,
        ),
    ] = None,
    stay: Annotated[
        bool,
        typer.Option(
            "--stay",
            help="Stay connected, for shots and temperatures as they happen. The app cannot connect meanwhile.",
        ),
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Read and publish once, then end: for cron.")] = False,
    prefix: Annotated[
        str | None,
        typer.Option(metavar="TOPIC", help=f"The beginning of all topics. [default: {PREFIX}]", show_default=False),
    ] = None,
    discovery_prefix: Annotated[
        str | None,
        typer.Option(
            metavar="TOPIC",
            help=f"The beginning of Home Assistant's discovery topics. [default: {DISCOVERY_PREFIX}]",
            show_default=False,
        ),
    ] = None,
    client_id: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The name by which the broker knows the bridge; each bridge needs its own. "
            "[default: made of the machines' addresses]",
            show_default=False,
        ),
    ] = None,
    host: HostOption = None,
    port: LivePortOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    machine: Annotated[
        list[str] | None,
        typer.Option(
            "--machine",
            metavar="NAME",
            help="A machine of the config: its name, serial number or address. May be given several times. "
            "[default: all of them]",
            show_default=False,
            autocompletion=completion.machine,
        ),
    ] = None,
    bluetooth: BluetoothOption = None,
    radio: RadioOption = None,
    generation: LiveGenerationOption = None,
    timeout: TimeoutOption = ANSWER_TIMEOUT,
) -> None:
    """Publish machines over MQTT, for Home Assistant and others.

    Examples:

        lmdecode bridge --mqtt homeassistant.local --username coffee

        lmdecode bridge --mqtt mqtts://broker.home --ca-file home.pem --allow-writes

        lmdecode bridge --mqtt 192.168.1.10 --stay --machine kitchen

        lmdecode bridge --mqtt 192.168.1.10 --bluetooth

    Home Assistant discovers the machine automatically: temperatures, state, counters, settings. Machines of all
    generations can be in the config, and share one bridge. Without --allow-writes the bridge writes nothing to the
    machine; what can be written depends on the generation, and of v3 nothing can. The machine takes one connection at a
    time, so the bridge connects, reads and disconnects, and the app can connect in between. The bridge runs until
    Ctrl-C or SIGTERM, and waits for a broker or a machine that is away. It prints each event as a line on stderr.

    Home Assistant, topics and what is safe, step by step:
    https://github.com/lmdecode/lmdecode/blob/main/docs/home-automation.md
    """
    from lmdecode.app.bridge_targets import find_targets
    from lmdecode.config.mqtt import find_broker
    from lmdecode.device.errors import joined

    broker = find_broker(
        address=mqtt,
        username=username,
        ca_file=ca_file,
        client_id=client_id,
        prefix=prefix,
        discovery_prefix=discovery_prefix,
        config=config,
    )
    if broker.password_was_visible:
        complain(
            "other programs can see the password in --mqtt: put it into config.json, or into "
            f"{PASSWORD_VARIABLE}, and leave it out here"
        )
    targets = find_targets(
        host=host,
        port=port,
        key=key,
        config=config,
        machines=machine or [],
        bluetooth=bluetooth,
        radio=radio,
        generation=generation,
    )
    broker = _with_password(broker)
    if sys.platform == "win32":  # whose usual loop cannot wait for paho's socket
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
    every = max(_LEAST_EVERY, every or (_EVERY_STAYING if stay else _EVERY))
    events = _Events()
    run_live(
        _run(broker, targets, events, writes=allow_writes, every=every, stay=stay, once=once, timeout=timeout),
        waiting_for=f"the broker at {joined(broker.host, broker.port)}",
        while_=lambda: not events.count,
    )


async def _run(
    broker: Broker,
    targets: Sequence[AnyTarget],
    events: _Events,
    *,
    writes: bool,
    every: float,
    stay: bool,
    once: bool,
    timeout: float,  # noqa: ASYNC109 -- of an answer
) -> None:
    from lmdecode.app.bridge import Bridge

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():  # a second one does not wait for the broker
            raise KeyboardInterrupt(number)
        loop.call_soon_threadsafe(stop.set)

    handlers = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        await Bridge(
            broker, targets, writes=writes, every=every, stay=stay, once=once, timeout=timeout, tell=events.tell
        ).run(stop)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


class _Events:
    """Prints each event with its time, as a line of a log."""

    def __init__(self) -> None:
        self.count = 0

    def tell(self, text: str) -> None:
        """Prints one."""
        self.count += 1
        echo(f"{datetime.now().astimezone().isoformat(sep=' ', timespec='seconds')} {text}", err=True)


def _with_password(broker: Broker) -> Broker:
    """Asks for the password of a user who has none yet, if somebody is there."""
    from dataclasses import replace

    from lmdecode.cli._common.prompt import asked, is_somebody_there

    if broker.username is None or broker.password is not None or not is_somebody_there():
        return broker
    return replace(broker, password=asked(f"password of {broker.username} at {broker.host}", hidden=True))
