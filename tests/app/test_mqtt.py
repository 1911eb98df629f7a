"""What is said of a broker that cannot be talked to."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys

import pytest
from aiomqtt import MqttError

from lmdecode.app import mqtt
from lmdecode.app.mqtt import MqttConnection, NoBrokerError, _why
from lmdecode.codec.errors import MissingPackageError
from lmdecode.config.mqtt import Broker


def as_aiomqtt_raises(text, cause):
    error = MqttError(text)
    error.__context__ = cause  # it raises "from None", which hides the cause, and keeps it
    return error


def connection(told, *, port=1, tls=False, wait=True):
    return MqttConnection(
        Broker("127.0.0.1", port, tls=tls), client_id="c", will=None, subscriptions=[], on_message=print,
        tell=told.append, wait=wait,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "why", "doubt"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "it refuses the connection", ""),
        (TimeoutError("timed out"), "it does not answer in time", ""),
        (socket.gaierror(-2, "Name or service not known"), "no host of that name", ""),
        (OSError(113, "No route to host"), "No route to host", ""),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer", "may want mqtts://"),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "it does not speak TLS there", ""),
    ],
)
def test_why_there_is_no_connection(cause, why, doubt):
    error = as_aiomqtt_raises(str(cause), cause)
    assert _why(error).startswith(why)
    said = connection([])._doubt(error)
    assert doubt in said
    assert bool(said) is bool(doubt)


def test_somebody_who_takes_the_connection_and_says_nothing_may_be_no_broker_or_want_tls():
    error = as_aiomqtt_raises("Operation timed out", TimeoutError())
    assert _why(error) == "it does not answer in time"
    assert "mqtts://" in connection([])._doubt(error)
    assert "speak TLS" in connection([], tls=True)._doubt(error)
    assert _why(MqttError("Disconnected during message iteration")) == "the connection was lost"


def test_what_is_published_while_the_broker_is_away_is_the_latest_of_each_topic_and_no_event():
    async def go():
        found = connection([])
        for number in range(1000):
            found.publish("state", str(number))
            found.publish_event("result", str(number))
        return found

    found = asyncio.run(go())
    assert found._outgoing == {"state": "999"}
    assert not found._events
    assert found.retained("state") == "999"


def test_who_does_not_wait_is_told_at_once():
    async def go():
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        await connection([], port=port, wait=False).run()

    with pytest.raises(NoBrokerError, match="refuses the connection") as caught:
        asyncio.run(go())
    assert caught.value.exit_code == 3


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiomqtt", None)

    async def go():
        await connection([]).run()

    with pytest.raises(MissingPackageError, match=r"the bridge needs aiomqtt: .*install"):
        asyncio.run(go())


def test_an_attempt_that_nobody_answers_is_not_left_open(monkeypatch):
    """A broker that awakes would have two clients of one name."""
    monkeypatch.setattr(mqtt, "_TIMEOUT", 0.3)

    async def go():
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            run = asyncio.create_task(connection([], port=server.getsockname()[1], wait=False).run())
            peer, _ = await loop.sock_accept(server)
            with peer:
                async with asyncio.timeout(8):  # paho itself closes it after 15
                    while await loop.sock_recv(peer, 1000):
                        pass  # CONNECT, and that it goes
            with pytest.raises(NoBrokerError, match="does not answer in time"):
                await run

    asyncio.run(go())


def test_no_result_gets_lost_because_another_one_comes_while_it_is_published():
    sent = []

    async def go():
        found = connection([])
        found.connected.set()
        for number in range(50):
            found.publish_event("result", str(number))

        class Client:
            async def publish(self, _topic, text, **_):
                sent.append(text)
                await asyncio.sleep(0)
                if text == "0":
                    found.publish_event("result", "50")

        sending = asyncio.create_task(found._send(Client()))
        await asyncio.wait_for(found.drained(), 5)
        sending.cancel()

    asyncio.run(go())
    assert sent == [str(number) for number in range(51)]
