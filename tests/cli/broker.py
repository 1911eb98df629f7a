"""A real MQTT broker, mosquitto, on a port of its own; somebody who listens there; and the bridge as a process."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.cli.conftest import Command
from tests.cli.simulator_process import free_port, wait_until

USER, PASSWORD = "coffee", "well-kept"


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


class MosquittoBroker:
    """A broker that asks for a password. It keeps nothing over a restart, as in a house whose memory card is weak.

    Args:
        folder: For its files.
        extra: More lines of its configuration.
    """

    def __init__(self, folder: Path, *extra: str) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.set_password(PASSWORD)
        lines = [
            f"listener {self.port} 127.0.0.1",
            *extra,
            "allow_anonymous false",
            f"password_file {folder / 'users'}",
        ]
        if os.geteuid() == 0:
            lines.append("user root")  # or it gives up its rights, and cannot read the folder
        (folder / "mosquitto.conf").write_text("\n".join([*lines, ""]))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def set_password(self, password: str) -> None:
        """Needs a start to be known."""
        users = self._folder / "users"
        users.unlink(missing_ok=True)
        subprocess.run(
            [_program("mosquitto_passwd"), "-b", "-c", users, USER, password],
            check=True, timeout=20, capture_output=True,
        )  # fmt: skip

    def start(self) -> None:
        log = (self._folder / "mosquitto.log").open("ab")
        self._process = subprocess.Popen(
            [_program("mosquitto"), "-c", self._folder / "mosquitto.conf"], stdout=log, stderr=log
        )
        log.close()
        wait_until(self._answers, what=(self._folder / "mosquitto.log").read_text)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        import socket

        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return True
        return False


@contextlib.contextmanager
def mosquitto(folder: Path, *extra: str, start: bool = True) -> Iterator[MosquittoBroker]:
    """A broker, started unless told otherwise."""
    broker = MosquittoBroker(folder, *extra)
    try:
        if start:
            broker.start()
        yield broker
    finally:
        broker.stop()


class Listener:
    """Hears everything that is published, and publishes. It comes back by itself when the broker does."""

    def __init__(self, broker: MosquittoBroker) -> None:
        self.heard: list[tuple[str, str]] = []
        """Topics and payloads in their order."""
        self.latest: dict[str, str] = {}
        self._lock = threading.Lock()
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(USER, PASSWORD)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("#")
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert self._subscribed.wait(20)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def forget(self) -> None:
        with self._lock:
            self.heard.clear()
            self.latest.clear()

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(20)

    def topic(self, end: str) -> str:
        """The topic that ends so, which must have been heard."""
        return next(each for each in [*self.latest] if each.endswith(end))

    def json(self, end: str) -> Any:
        """The latest object on the topic that ends so; {} if there is none."""
        return next((json.loads(text) for each, text in [*self.latest.items()] if each.endswith(end)), {})

    def results(self) -> list[dict[str, Any]]:
        """What came of the commands."""
        with self._lock:
            return [json.loads(text) for topic, text in self.heard if topic.endswith("/result")]

    def _take(self, _client: paho.Client, _: object, message: paho.MQTTMessage) -> None:
        text = message.payload.decode("utf-8", "replace")
        with self._lock:
            self.heard.append((message.topic, text))
            self.latest[message.topic] = text


@contextlib.contextmanager
def listening(broker: MosquittoBroker) -> Iterator[Listener]:
    listener = Listener(broker)
    try:
        yield listener
    finally:
        listener.close()


class RunningBridge:
    """The bridge as a process."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str, seconds: float = 40) -> None:
        """Wait until it has told of something."""
        wait_until(lambda: text in self.log or self.process.poll() is not None, seconds, lambda: self.log)
        assert text in self.log, self.log

    def end(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)


@contextlib.contextmanager
def bridging(
    command: Command, broker: MosquittoBroker, *arguments: object, user: bool = True
) -> Iterator[RunningBridge]:
    """Run the bridge."""
    log = command.folder / "bridge.log"
    environment = command.environment | {"LMDECODE_MQTT_PASSWORD": PASSWORD}
    options = ["--username", USER] if user else []
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [*command.line, "bridge", "--mqtt", broker.address, *options, *map(str, arguments)],
            cwd=command.folder, env=environment, stdin=subprocess.DEVNULL, stderr=stderr, encoding="utf-8",
        ) as process,
    ):  # fmt: skip
        try:
            yield RunningBridge(process, log)
        finally:
            process.kill()
        assert "Traceback" not in log.read_text()
        assert "fault of lmdecode" not in log.read_text()
