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
from lmdecode.app.errors import CommandError
from lmdecode.app.simulation import Settings, Simulation, generation_named, json_machine, simulation_of
from lmdecode.app.simulation_sources import simulated_machine
from lmdecode.codec.record import Value
from lmdecode.codec.v1.image import MemoryImage
from lmdecode.codec.v1.key import Key
from lmdecode.config import SAMPLE_KEY, SAMPLE_TOKEN


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

    def __init__(self, simulation: Simulation, generation: str, secret: Key | str) -> None:
        self._simulation = simulation
        self._generation = generation
        self._secret = secret
        self._background = Background("lmdecode simulator")
        self._background.run(simulation.server.start())

    @property
    def host(self) -> str:
        """The address on which it listens."""
        return self._simulation.server.host

    @property
    def port(self) -> int:
        """The TCP port on which it listens; of Bluetooth that of the radio in memory."""
        return self._simulation.server.port

    @property
    def model(self) -> str:
        """Its model."""
        return self._simulation.console.machine.model

    def __repr__(self) -> str:
        return f"<SimulatedMachine {self.model} at {self._simulation.place}>"

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
        self._background.run(self._simulation.server.close())
        self._background.stop()

    def connect(self) -> Machine:
        """Returns a `Machine` with its address and key, not connected yet."""
        return Machine(**self._address())

    def connect_async(self) -> AsyncMachine:
        """Returns an `AsyncMachine` with its address and key, not connected yet."""
        return AsyncMachine(**self._address())

    def _address(self) -> dict[str, Any]:
        """Returns what a client has to be given."""
        if self._generation == "bluetooth":
            name = self._simulation.server.machine.family.bluetooth_name
            return {"bluetooth": name, "radio": f"tcp-client:{self._simulation.place}", "key": self._secret}
        address = {"host": self.host, "port": self.port, "key": self._secret}
        return address if self._generation == "v1" else {**address, "generation": self._generation}

    def do(self, command: str) -> str:
        """Runs a command of the console of `lmdecode simulate`: "shot 2", "set coffee_temp 80", "fault drop:3".

        Returns:
            The answer, often empty; "help" lists the commands.

        Raises:
            LmdecodeError: There is no such command, or the machine cannot do it now: no shot in standby.
        """
        return self._background.call(lambda: self._simulation.console.run(command))

    def get(self, name: str) -> Value | None:
        """Returns what a register holds, without the network; None if it is not known."""
        return self._background.call(lambda: self._simulation.get(current_name(name)))


def simulate(
    model: str | None = None,
    *,
    generation: str = "v1",
    key: AnyKey | None = None,
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
        model: Its name, such as "Linea Mini". Default: the model of the image, otherwise GS3 AV; of the generations
            after v1 Linea Micra.
        generation: What it speaks: "v1", "v3" or "bluetooth". The token of a v3 is loaded from the start, unless the
            fault "late-token=2" says otherwise; over Bluetooth its radio is one in memory, which `connect` knows.
        key: Its key; of Bluetooth its token. Default: that of the sample captures.
        image: The contents of its memory, of v1; bytes that the image lacks are the model's defaults.
        host: The address to listen on; "0.0.0.0" for the whole network.
        port: The TCP port; 0 means any free port.
        now: The time that its clock shows, without a zone; None: the local time.
        speed: Simulated seconds per real second.
        faults: Its faults, as in `lmdecode simulate --fault`: "drop:3", "delay=2", "random=0.1".
        seed: The seed of the random faults, to repeat them.

    Raises:
        RegisterError: There is no such model.
        KeyFormatError: `key` is not a key.
        CommandError: There is no such generation, or an image is given with one after v1.
        FaultError: There is no such fault.
        ServerError: The address or the port is not available, or bumble is not installed.

    >>> import lmdecode
    >>> with lmdecode.simulate("Linea Mini") as simulated:
    ...     simulated.model, simulated.get("machine_ser_num")
    ('Linea Mini', 'LM000000')
    """
    spoken = generation_named(generation)
    if spoken != "v1" and image is not None:
        raise CommandError("an image has the memory of v1: leave it out, or generation=")
    machine = (
        simulated_machine(image, model=model, now=now) if spoken == "v1" else json_machine(spoken, model=model, now=now)
    )
    if spoken == "bluetooth":
        secret: Key | str = SAMPLE_TOKEN if key is None else _token(key)
    else:
        secret = as_key(SAMPLE_KEY if key is None else key)
    settings = Settings(host=host, port=port, faults=[*faults], seed=seed, speed=speed, loaded_after=0)
    return SimulatedMachine(simulation_of(machine, secret, settings), spoken, secret)


def _token(key: AnyKey) -> str:
    if isinstance(key, Key):
        key = key.secret
    return key.decode("latin-1") if isinstance(key, bytes) else key
