"""The faults of a machine with gateway v3, and what they make of its answers and of the texts of its stream."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from lmdecode.simulator.faults import Fault, FaultTable, On, Outgoing, Then

V3_FAULTS: Final[FaultTable] = MappingProxyType(
    {
        "forbidden": (On.TOKEN, "answer 403, as without a token; forbidden:3 is the next three requests"),
        "late-token": (On.STATE, "load the token late: late-token=30 half a minute after the start"),
        "wrong-bearer": (On.TOKEN, "answer 401, as if the key were another machine's"),
        "delay": (On.ANSWER, "answer late, delay=2 after two seconds"),
        "drop": (On.ANSWER, "give no answer"),
        "half": (On.ANSWER, "answer with half of the JSON"),
        "not-json": (On.ANSWER, "answer with a web page instead of JSON"),
        "garbage": (On.ANSWER, "answer with bytes that are no HTTP"),
        "cut": (On.ANSWER, "send half of the answer, then nothing more on this connection"),
        "reset": (On.ANSWER, "reset the connection (RST) instead of an answer"),
        "close": (On.ANSWER, "close the connection instead of an answer"),
        "close-stream": (On.STREAM, "close the WebSocket as soon as it is open"),
        "silent": (On.STREAM, "open the WebSocket and say nothing on it, not even to a ping"),
        "flood": (On.STREAM, "say the temperatures without a pause"),
        "lost-text": (On.EVENT, "leave out a text of the stream"),
        "half-text": (On.EVENT, "push half of a text"),
        "garbage-text": (On.EVENT, "push a text that is no JSON"),
        "bad-frame": (On.EVENT, "push bytes that are no frame of a WebSocket"),
        "busy": (On.CONNECTION, "close a new connection at once"),
        "never": (On.CONNECTION, "take a new connection, and say nothing on it"),
        "tls": (On.CONNECTION, "answer as a machine that wants TLS, as commercial ones do"),
    }
)
"""For each fault what it hits, and what it does."""

TLS_ALERT: Final = bytes.fromhex("15030300020246")
"""What a server with TLS says to plain text: a fatal alert, protocol version."""
_PAGE: Final = "<html><body>It works!</body></html>"


class Answer(NamedTuple):
    """An answer over HTTP."""

    status: int
    body: str
    kind: str = "application/json"


def spoiled(answer: Answer, fault: Fault | None) -> Answer:
    """Returns what is answered in place of an answer, where a fault is about what it says."""
    if fault is not None and fault.name == "half":
        return answer._replace(body=answer.body[: len(answer.body) // 2])
    if fault is not None and fault.name == "not-json":
        return answer._replace(body=_PAGE, kind="text/html")
    return answer


def outgoing(whole: bytes, fault: Fault | None, rng: random.Random) -> Outgoing:
    """Returns what is sent in place of the bytes of an answer."""
    if fault is None or fault.name not in _EFFECTS:
        return Outgoing(whole)
    return _EFFECTS[fault.name](whole, fault, rng)


_EFFECTS: Final[Mapping[str, Callable[[bytes, Fault, random.Random], Outgoing]]] = {
    "delay": lambda whole, fault, _: Outgoing(whole, delay=fault.argument),
    "drop": lambda *_: Outgoing(b"", then=Then.MUTE),
    "garbage": lambda _whole, _fault, rng: Outgoing(rng.randbytes(rng.randrange(1, 200)), then=Then.CLOSE),
    "cut": lambda whole, *_: Outgoing(whole[: len(whole) // 2], then=Then.MUTE),
    "reset": lambda *_: Outgoing(b"", then=Then.RESET),
    "close": lambda *_: Outgoing(b"", then=Then.CLOSE),
}


def spoiled_text(text: str, fault: Fault | None) -> str | bytes:
    """Returns what is pushed in place of a text: another text, or bytes that are no frame; "" for nothing."""
    return text if fault is None else _SPOILED[fault.name](text)


_SPOILED: Final[Mapping[str, Callable[[str], str | bytes]]] = {
    "lost-text": lambda _: "",
    "half-text": lambda text: text[: len(text) // 2],
    "garbage-text": lambda _: "\x00\ufffd{]",
    "bad-frame": lambda text: b"\xf7\xff" + text.encode(),
}
