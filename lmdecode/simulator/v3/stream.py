"""The stream of a machine with gateway v3: what it says by itself, as texts of a WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from wsproto import WSConnection
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, CloseConnection, Ping, TextMessage
from wsproto.utilities import ProtocolError

from lmdecode.simulator import json_documents as documents
from lmdecode.simulator.happenings import Items
from lmdecode.simulator.json_machine import JsonMachine

_AGAIN_LATER: Final = 1013  # the code of a WebSocket that is closed because the server has no time


class Form(StrEnum):
    """How a text of the stream is written."""

    MEMBERS = "members"
    """Gateway v3: a list of objects with one member each."""
    ITEMS = "items"
    """A Linea Micra with gateway v2: a list of objects with the members `name` and `value`."""


GATEWAY_OF_ITEMS: Final = "v2.2-rc0"
"""The firmware of a gateway that writes items: one of those that are public."""


def text_of(items: Items, form: Form) -> str:
    """Returns the text that says something.

    >>> text_of({"MachineMode": "StandBy"}, Form.MEMBERS), text_of({"MachineMode": "StandBy"}, Form.ITEMS)
    ('[{"MachineMode":"StandBy"}]', '[{"name":"MachineMode","value":"StandBy"}]')
    """
    found = [{"name": name, "value": value} if form is Form.ITEMS else {name: value} for name, value in items.items()]
    return _json(found)


def opening(machine: JsonMachine, form: Form) -> Iterable[str]:
    """Yields the texts at the beginning: the configuration, and what the gateway is.

    Real machines say both, but nobody has written down when.
    """
    whole = {
        "MachineConfiguration": _json(documents.configuration(machine, weekly=form is Form.ITEMS)),
        "SystemInfo": _json(documents.system_info(machine)),
    }
    for name, text in whole.items():
        yield text_of({name: text}, form) if form is Form.ITEMS else _json({name: text})


def temperatures(machine: JsonMachine) -> Items:
    """Returns the temperatures, as they are said without end in a flood."""
    number = machine.registers.number
    return {
        "CoffeeBoiler1UpdateTemperature": documents.plain(number("coffee_temp", 0)),
        "SteamBoilerUpdateTemperature": documents.plain(number("steam_temp", 0)),
    }


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


class NoWebSocketError(Exception):
    """What the client sends is no WebSocket."""


class Stream:
    """The machine's side of a WebSocket, without a socket: what is to be sent comes out as bytes.

    Args:
        headers: Those of the request that asks for it.
        target: Its path.

    Raises:
        NoWebSocketError: The request does not ask for one as it should.
    """

    def __init__(self, headers: list[tuple[bytes, bytes]], target: str) -> None:
        self._ws = WSConnection(ConnectionType.SERVER)
        self.mute = False
        """Whether it answers nothing, not even a ping."""
        self.over = False
        """Whether the client has closed it."""
        try:
            self._ws.initiate_upgrade_connection(headers, target)
            for _ in self._ws.events():
                pass
        except ProtocolError as error:
            raise NoWebSocketError(str(error)) from None

    def accept(self) -> bytes:
        """Returns the answer that opens it."""
        return self._ws.send(AcceptConnection())

    def text(self, text: str) -> bytes:
        """Returns a text as it is sent."""
        return self._ws.send(TextMessage(data=text))

    def close(self) -> bytes:
        """Returns what closes it."""
        return self._ws.send(CloseConnection(code=_AGAIN_LATER))

    def receive(self, data: bytes) -> bytes:
        """Takes bytes of the client; returns what is answered.

        Raises:
            NoWebSocketError: They are no frames.
        """
        answer = b""
        try:
            self._ws.receive_data(data)
            for event in self._ws.events():
                if isinstance(event, Ping) and not self.mute:
                    answer += self._ws.send(event.response())
                elif isinstance(event, CloseConnection):
                    self.over = True
                    answer += b"" if self.mute else self._ws.send(event.response())
        except ProtocolError as error:
            raise NoWebSocketError(str(error)) from None
        return answer
