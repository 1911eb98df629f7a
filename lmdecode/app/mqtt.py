"""A connection to an MQTT broker that comes back whenever the broker does.

What is published is kept by topic, the latest of each, and goes out when there is a connection: so a broker that was
away, or has forgotten what it retained, knows everything again a moment after it is back, and nothing grows meanwhile.
The session is clean, so that the broker keeps no command for a bridge that is not there.

At the first connection some errors are the user's, and waiting heals none of them: a wrong password, a certificate that
is not the broker's, a name that is no host's. They end the bridge. A broker that only is away is waited for, at the
first connection as later. Once a connection has worked, everything is waited for: a broker that is being set up anew
may refuse a password for a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from lmdecode.app.errors import CommandError, UsageError
from lmdecode.codec.errors import MissingPackageError
from lmdecode.config.mqtt import PASSWORD_VARIABLE
from lmdecode.device.core import pauses
from lmdecode.device.errors import NO_CONNECTION, joined
from lmdecode.extras import install_command

if TYPE_CHECKING:
    import aiomqtt

    from lmdecode.config.mqtt import Broker

_FIRST_PAUSE: Final = 1.0  # s before the second attempt to connect; then it doubles
_LONGEST_PAUSE: Final = 60.0
_KEEP_ALIVE: Final = 15  # s; a command that the network holds back can be no older than about twice this
_TIMEOUT: Final = 10.0  # s for each answer of the broker
_LAST_WORDS: Final = 1.5  # s for what is said at the end
_QUEUE: Final = 100  # messages that wait here to be looked at; who sends more is not heard
_EVENTS: Final = 50  # that wait to be published
_AT_LEAST_ONCE: Final = 1
_NO_ANSWER: Final = "Operation timed out"  # aiomqtt's words for a connection on which nothing comes
_REFUSALS: Final = frozenset({0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C})  # MQTT's reasons that time does not heal


class NoBrokerError(CommandError):
    """There is no connection to the broker."""

    exit_code = NO_CONNECTION


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that came."""

    topic: str
    payload: bytes
    retained: bool
    """Whether the broker had kept it; then it is of any age."""
    at: float
    """When it came, by `seconds_passed`."""


def seconds_passed() -> float:
    """Returns the seconds since some start. They go on while the computer sleeps, and nobody can set them.

    `time.monotonic` stands still in a sleeping Linux, where an order that is an hour old would seem to be new.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class MqttConnection:
    """Publishes to a broker and hears from it, over one connection after another.

    Args:
        broker: The broker.
        client_id: What it knows this client by.
        will: The topic on which the broker says `offline` when this client is gone; None: on none.
        subscriptions: The topics to hear.
        on_message: Takes each message.
        tell: Takes each event, in words.
        wait: Whether to wait for a broker that is away at the first connection.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        client_id: str,
        will: str | None,
        subscriptions: Sequence[str],
        on_message: Callable[[Heard], None],
        tell: Callable[[str], None],
        wait: bool = True,
    ) -> None:
        self.name = joined(broker.host, broker.port)
        """The broker, as host:port."""
        self.connected = asyncio.Event()
        """Set while there is a connection."""
        self._broker = broker
        self._client_id = client_id
        self._will = will
        self._subscriptions = [*subscriptions]
        self._to_subscribe: deque[str] = deque()
        self._on_message = on_message
        self._tell = tell
        self._wait = wait
        self._retained: dict[str, str] = {}
        self._outgoing: dict[str, str] = {}  # of what is retained, the latest
        self._events: deque[tuple[str, str]] = deque(maxlen=_EVENTS)
        self._wakened = asyncio.Event()
        self._drained = asyncio.Event()
        self._ever = False

    def publish(self, topic: str, text: str) -> None:
        """Publishes a text that the broker retains, as soon as there is a connection."""
        self._retained[topic] = text
        self.publish_again(topic)

    def retained(self, topic: str) -> str | None:
        """Returns what was published last; None if nothing was."""
        return self._retained.get(topic)

    def publish_again(self, *topics: str) -> None:
        """Publishes what is retained once more: of some topics, or of all."""
        self._outgoing |= {each: self._retained[each] for each in topics or self._retained if each in self._retained}
        self._waken()

    def subscribe(self, topic: str) -> None:
        """Hears one more topic; also what the broker has retained on it."""
        self._subscriptions.append(topic)
        self._to_subscribe.append(topic)
        self._waken()

    def publish_event(self, topic: str, text: str) -> None:
        """Publishes a text for those who listen now. If there is no connection, nobody does."""
        if self.connected.is_set():
            self._events.append((topic, text))
            self._waken()

    def _waken(self) -> None:
        self._drained.clear()
        self._wakened.set()

    async def drained(self) -> None:
        """Waits until the broker has taken all that was published."""
        await self._drained.wait()

    async def run(self) -> NoReturn:
        """Keeps a connection until cancelled; then the retained texts that `publish` was given last still go out.

        Raises:
            NoBrokerError: The broker is away at the first connection, and `wait` is off.
            CommandError: The broker refuses this client at the first connection.
            UsageError: The CA file cannot be used.
            MissingPackageError: aiomqtt is not installed.
        """
        try:
            from aiomqtt import MqttError
        except ImportError:
            raise MissingPackageError(f"the bridge needs aiomqtt: {install_command('mqtt')}") from None
        _let_threads_be()
        waits = pauses(_FIRST_PAUSE, _LONGEST_PAUSE)
        failures, told = 0, ""
        while True:
            begun, why = time.monotonic(), "the broker ended the connection"
            try:
                await self._connect_once()
            except (MqttError, OSError, ValueError) as error:  # ValueError: a name that no host can have
                why = _why(error)
                if not self._ever:
                    self._end_if_hopeless(error, why)
                    why += self._doubt(error)
            was_connected = self.connected.is_set()
            self.connected.clear()
            self._events.clear()
            if was_connected and time.monotonic() - begun > _LONGEST_PAUSE:
                failures = 0  # but two clients of one name that throw each other out must not do so each second
            if was_connected or why != told:
                told = why
                self._tell(f"broker {self.name}: {why}; trying again")
            await asyncio.sleep(waits[min(failures, len(waits) - 1)])
            failures += 1

    async def _connect_once(self) -> None:
        client = self._client()
        try:
            await self._use(client)
        finally:
            _abandon(client)

    async def _use(self, client: aiomqtt.Client) -> None:
        async with client:
            self._to_subscribe = deque(self._subscriptions)
            self._ever = True
            self._tell(f"broker {self.name}: connected")
            self.publish_again()
            self.connected.set()
            tasks: list[asyncio.Task[None]] = [
                asyncio.create_task(self._send(client)),
                asyncio.create_task(self._hear(client)),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                tasks[0].cancel()
                await self._say_last_words(client)
                raise
            finally:
                for task in tasks:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
            for result in results:
                if isinstance(result, Exception):
                    raise result

    def _client(self) -> aiomqtt.Client:
        import aiomqtt

        broker = self._broker
        logger = logging.getLogger("lmdecode.mqtt")
        logger.disabled = True  # what it has to say, the exceptions say
        return aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            identifier=self._client_id,
            clean_session=True,
            keepalive=_KEEP_ALIVE,
            timeout=_TIMEOUT,
            max_queued_incoming_messages=_QUEUE,
            will=aiomqtt.Will(self._will, "offline", qos=_AT_LEAST_ONCE, retain=True) if self._will else None,
            tls_context=_tls(broker),
            logger=logger,
        )

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            while self._outgoing or self._events or self._to_subscribe:
                if self._to_subscribe:
                    await client.subscribe(self._to_subscribe.popleft())
                    continue
                if self._events:
                    # Taken out first: a full queue drops its oldest while this one is on its way.
                    await client.publish(*self._events.popleft(), qos=_AT_LEAST_ONCE)
                    continue
                topic, text = next(iter(self._outgoing.items()))
                await client.publish(topic, text, qos=_AT_LEAST_ONCE, retain=True)
                if self._outgoing.get(topic) == text:  # not a newer one meanwhile
                    del self._outgoing[topic]
            self._drained.set()
            self._wakened.clear()
            await self._wakened.wait()

    async def _hear(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            self._on_message(Heard(str(message.topic), payload, bool(message.retain), seconds_passed()))

    async def _say_last_words(self, client: aiomqtt.Client) -> None:
        with contextlib.suppress(Exception):  # who ends a program does not care that the broker is gone as well
            async with asyncio.timeout(_LAST_WORDS):
                for topic, text in list(self._outgoing.items()):
                    await client.publish(topic, text, qos=_AT_LEAST_ONCE, retain=True, timeout=math.inf)

    def _doubt(self, error: Exception) -> str:
        """Returns what may be wrong if the very first connection is taken, and then nobody answers as a broker."""
        cause = error.__context__
        at_first = isinstance(cause, OSError) and not isinstance(cause, ConnectionResetError)
        if isinstance(error, OSError) or (at_first and str(error) != _NO_ANSWER):
            return ""
        if self._broker.tls:
            return " (does it speak TLS on this port? mqtts:// is usually port 8883)"
        return " (is this its port? If it is, the broker may want mqtts://)"

    def _end_if_hopeless(self, error: Exception, why: str) -> None:
        """Ends the first attempt if another one can only fail as well."""
        refused = getattr(getattr(error, "rc", None), "value", None) in _REFUSALS
        if refused or _is_of_tls(error) or isinstance(error, ValueError):
            hint = ""
            if refused and self._broker.password is None:
                hint = f'; give a user and a password: --username, and {PASSWORD_VARIABLE} or config.json, "mqtt"'
            raise CommandError(f"broker {self.name}: {why}{hint}") from None
        if not self._wait:
            raise NoBrokerError(f"broker {self.name}: {why}") from None


def _abandon(client: aiomqtt.Client) -> None:
    """Closes what aiomqtt leaves open, and looks at the errors that it leaves.

    An attempt on which no answer came in time keeps its socket. If the broker answers after all, it has two clients of
    one name, and throws the newer one out.
    """
    paho = getattr(client, "_client", None)
    with contextlib.suppress(Exception):
        paho.disconnect()  # type: ignore[union-attr]  # an AttributeError is caught, if aiomqtt has changed
    for name in ("_connected", "_disconnected"):
        future = getattr(client, name, None)
        if isinstance(future, asyncio.Future) and future.done() and not future.cancelled():
            future.exception()


def _why(error: Exception) -> str:
    """Returns why there is no connection, in words."""
    cause = error.__context__ if isinstance(error.__context__, OSError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}; --ca-file names the authority that signed it"
    reason = getattr(cause, "rc", None)
    if getattr(reason, "value", None) in _REFUSALS:
        return f"it refuses this client: {str(reason).lower()}"
    said = next((text for kind, text in _REASONS.items() if isinstance(cause, kind)), None)
    if said is None and isinstance(cause, OSError):
        said = cause.strerror or str(cause)
    return said or (_REASONS[TimeoutError] if str(cause) == _NO_ANSWER else "the connection was lost")


_REASONS: Final[dict[type[Exception], str]] = {
    ssl.SSLError: "it does not speak TLS there: mqtts:// is usually port 8883, mqtt:// port 1883",
    socket.gaierror: "no host of that name",
    TimeoutError: "it does not answer in time",
    ConnectionRefusedError: "it refuses the connection: does it run, and is that its port?",
    ValueError: "that is not the name of a host",
}
"""What some errors mean, the special ones first."""


def _is_of_tls(error: Exception) -> bool:
    return isinstance(error.__context__, ssl.SSLError) or isinstance(error, ssl.SSLError)


def _tls(broker: Broker) -> ssl.SSLContext | None:
    if not broker.tls:
        return None
    try:
        return ssl.create_default_context(cafile=broker.ca_file)
    except (OSError, ssl.SSLError):
        raise UsageError(f"{broker.ca_file} is not a certificate in PEM format") from None


class _Threads(ThreadPoolExecutor):
    """Threads that nobody waits for at the end: one that still connects to a broker would hold it up for seconds."""

    def shutdown(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 -- whatever it is told
        """Lets them be."""
        super().shutdown(wait=False, cancel_futures=True)


def _let_threads_be() -> None:
    asyncio.get_running_loop().set_default_executor(_Threads(max_workers=2))
