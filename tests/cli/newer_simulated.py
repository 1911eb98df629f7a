"""A simulated machine of a newer generation, for commands that are processes of their own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import lmdecode
from lmdecode.config import SAMPLE_KEY, SAMPLE_TOKEN


@contextlib.contextmanager
def newer(generation: str, *faults: str) -> Iterator[tuple[lmdecode.SimulatedMachine, list[str]]]:
    """Runs a machine; yields it, and the options with which a command finds it."""
    with lmdecode.simulate("Linea Micra", generation=generation, faults=faults) as machine:
        if generation == "v3":
            options = ["--host", machine.host, "--port", str(machine.port), "--generation", "v3", "--key", SAMPLE_KEY]
        else:
            radio = f"tcp-client:{machine.host}:{machine.port}"
            options = ["--bluetooth=MICRA_MR000000", "--radio", radio, "--key", SAMPLE_TOKEN]
        yield machine, options
