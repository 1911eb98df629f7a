"""Which model a machine says it is, also where it does not say all."""

from __future__ import annotations

import asyncio

import pytest

from lmdecode.codec.v1.memory import Answer, Region
from lmdecode.codec.v1.requester import requesters
from lmdecode.codec.v1.windows import MODEL_WINDOWS
from lmdecode.device.client import Client
from lmdecode.device.v1.session import MemorySession
from lmdecode.device.v1.settings import find_model
from tests.simulator.client import KEY, server


def found(model, *holes):
    async def scenario():
        async with server(model=model) as machine:
            for window, answer in holes:
                machine.machine.memory.mark(Region(window.address, window.length, answer))
            connector = lambda number: Client(machine.host, machine.port, requesters(KEY), timeout=1.2, stream=number)  # noqa: E731
            async with MemorySession(connector, tries=1) as session:
                return await session.run(find_model())

    return asyncio.run(asyncio.wait_for(scenario(), 20))


@pytest.mark.parametrize("model", ["GS3 AV", "GS3 MP", "Linea Mini"])
def test_each_model(model):
    assert found(model) == model


@pytest.mark.parametrize("answer", Answer)
def test_a_machine_that_does_not_tell_its_counts(answer):
    serial, counters = sorted(MODEL_WINDOWS, key=lambda window: window.name, reverse=True)
    assert found("Linea Mini", (counters, answer)) == "Linea Mini"
    assert found("GS3 MP", (counters, answer)) is None
    assert found("GS3 MP", (serial, answer)) == "GS3 MP"
