"""A simulated machine inside a program, for tests and notebooks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from lmdecode.analysis.columns import current_name
from lmdecode.api.arguments import AnyKey, as_key
from lmdecode.api.blocking import Background, Machine
from lmdecode.api.live import AsyncMachine
from lmdecode.app.simulate import simulated_machine
from lmdecode.codec.record import Value
from lmdecode.codec.v1.image import MemoryImage
from lmdecode.config import SAMPLE_KEY
from lmdecode.simulator import machine as simulator
from lmdecode.simulator.console import Console
from lmdecode.simulator.faults import Faults, parse_fault
from lmdecode.simulator.server import Server


class SimulatedMachine:
    """A simulated machine that listens on this computer, in its own thread. `simulate` starts it.

    >>> import lmdecode
    >>> with lmdecode.simulate("GS3 AV") as simulated:
    ...     simulated.do("set coffee_temp 80")
    ...     with simulated.connect() as machine:
    ...         machine.get("coffee_temp") < 90
    'coffee_temp 80.0 °C'
    True
    """

    def __init__(self, server: Server, machine: simulator.Machine, console: Console[Any]) -> None:
        self._server = server
        self._machine = machine
        self._console = console
        self._background = Background("lmdecode simulator")
        self._background.run(server.start())

    @property
    def host(self) -> str:
        """The address on which it listens."""
        return self._server.host

    @property
    def port(self) -> int:
        """The TCP port on which it listens."""
        return self._server.port

    @property
    def model(self) -> str:
        """Its model."""
        return self._machine.model

    def __repr__(self) -> str:
        return f"<SimulatedMachine {self.model} at {self.host}:{self.port}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends it, and all connections to it."""
        self._background.run(self._server.close())
        self._background.stop()

    def connect(self) -> Machine:
        """Returns a `Machine` with its address and key, not connected yet."""
        return Machine(self.host, self.port, key=self._server.key)

    def connect_async(self) -> AsyncMachine:
        """Returns an `AsyncMachine` with its address and key, not connected yet."""
        return AsyncMachine(self.host, self.port, key=self._server.key)

    def do(self, command: str) -> str:
        """Runs a command of the console of `lmdecode simulate`: "shot 2", "set coffee_temp 80", "fault drop:3".

        Returns:
            The answer, often empty; "help" lists the commands.

        Raises:
            LmdecodeError: There is no such command, or the machine cannot do it now: no shot in standby.
        """
        return self._background.call(lambda: self._console.run(command))

    def get(self, name: str) -> Value | None:
        """Returns what a register holds, without the network; None if it is not known."""
        return self._background.call(lambda: self._machine.registers.get(current_name(name)))


def simulate(
    model: str | None = None,
    *,
    key: AnyKey = SAMPLE_KEY,
    image: MemoryImage | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    now: datetime | None = None,
    speed: float = 1.0,
    faults: Iterable[str] = (),
    seed: int = 0,
) -> SimulatedMachine:
    """Starts a simulated machine. Use it in a `with`, or `close` it.

    Args:
        model: Its name, such as "Linea Mini". Default: the model of the image, otherwise GS3 AV.
        key: Its key. Default: the key of the sample captures.
        image: The contents of its memory; bytes that the image lacks are the model's defaults.
        host: The address to listen on; "0.0.0.0" for the whole network.
        port: The TCP port; 0 means any free port.
        now: The time that its clock shows, without a zone; None: the local time.
        speed: Simulated seconds per real second.
        faults: Its faults, as in `lmdecode simulate --fault`: "drop:3", "delay=2", "random=0.1".
        seed: The seed of the random faults, to repeat them.

    Raises:
        RegisterError: There is no such model.
        KeyFormatError: `key` is not a key.
        FaultError: There is no such fault.
        ServerError: The address or the port is not available.

    >>> import lmdecode
    >>> with lmdecode.simulate("Linea Mini") as simulated:
    ...     simulated.model, simulated.get("machine_ser_num")
    ('Linea Mini', 'LM000000')
    """
    machine = simulated_machine(image, model=model, now=now)
    wrong = Faults(map(parse_fault, faults), seed=seed)
    server = Server(machine, as_key(key), host=host, port=port, faults=wrong, speed=speed)
    return SimulatedMachine(server, machine, Console(machine, wrong))
