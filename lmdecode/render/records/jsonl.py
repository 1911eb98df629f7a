"""JSON Lines: one Record a line, UTF-8, without spaces."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import IO, Final, cast

import orjson

from lmdecode.codec.dialect import FieldsAs, Place
from lmdecode.codec.record import Kind, Record, Role, Sender, Value, iso_time
from lmdecode.codec.v1 import GENERATION
from lmdecode.codec.v1.message import HEADER, Header
from lmdecode.render.records import OutputFormat, Style, TextWriter

_LINES: Final = 256  # that are written at once
_SECOND: Final = 1_000_000_000  # nanoseconds


def json_bytes(record: Record) -> bytes:
    """One Record as a line of JSON, with its newline, as a file holds it."""
    return json_line(record).encode()


def json_line(record: Record) -> str:
    """The same as text.

    Most of a line is the same for all messages of one window in one connection. That part of a clean message's line
    is made once, and what is left is put around it, in less than half the time; a test compares the two ways.
    """
    (
        time_ns,
        stream,
        sender,
        source,
        destination,
        kind,
        role,
        address,
        length,
        data,
        plaintext,
        fields,
        ok,
        elapsed,
        raw,
        problems,
        machine,
        generation,
        capture,
        _,
        subject,
        extra,
    ) = record
    if (
        raw is not None
        or ok is not None
        or machine is not None
        or capture is not None
        or subject is not None
        or generation != GENERATION
        or extra
    ):
        return orjson.dumps(record.as_dict(), option=orjson.OPT_APPEND_NEWLINE).decode()
    same = _same(stream, sender, source, destination, kind, role, address, length)
    digits = "null" if data is None else f'"{data}"'
    # Most have letters and digits only, and need no escapes.
    text = f'"{plaintext}"' if plaintext is not None and plaintext.isalnum() else orjson.dumps(plaintext).decode()
    values = orjson.dumps(fields.copy() if isinstance(fields, MappingProxyType) else dict(fields)).decode()
    waited = "" if elapsed is None else f'"elapsed":{orjson.dumps(elapsed).decode()},'
    wrong = orjson.dumps(problems).decode() if problems else "[]"
    return (
        f'{{"time":"{iso_time(time_ns)}",{same}"data":{digits},"plaintext":{text},'
        f'"fields":{values},{waited}"problems":{wrong}}}\n'
    )


@lru_cache(maxsize=4096)
def _same(  # noqa: PLR0917 -- as a Record has them
    stream: int,
    sender: Sender,
    source: str,
    destination: str,
    kind: Kind | None,
    role: Role | None,
    address: int | None,
    length: int | None,
) -> str:
    """What a line says between its time and its data, with the comma that follows."""
    return _ends(stream, sender, source, destination) + _about(kind, role, address, length)


@lru_cache(maxsize=4096)
def _ends(stream: int, sender: Sender, source: str, destination: str) -> str:
    return _members({"stream": stream, "sender": sender, "source": source, "destination": destination})


@lru_cache(maxsize=4096)
def _about(kind: Kind | None, role: Role | None, address: int | None, length: int | None) -> str:
    return _members({"kind": kind, "role": role, "address": address, "length": length})


def _members(members: dict[str, object]) -> str:
    """Members of a JSON object, each with the comma that follows."""
    return f"{orjson.dumps(members).decode()[1:-1]},"


class JsonLines:
    """Makes lines of JSON of messages, without making Records of them first; a `CleanSink`.

    The lines are those of `json_line`; a test compares the two.
    """

    fields_as: FieldsAs = "json"

    def __init__(self) -> None:
        self._second_ns = -1  # when the second began in which the last message was captured
        self._second = ""  # and how it is written, with the point behind it

    def prepare_window(self, place: Place, sender: Sender, window: Header, role: Role) -> tuple[str, str]:
        """Return what the lines have between their time and their data, and what they end with."""
        stream, app, machine, capture, _ = place
        source, destination = (app, machine) if sender == "app" else (machine, app)
        kind, address, length = window
        end = "" if capture is None else f',"capture":{orjson.dumps(capture).decode()}'
        return _same(stream, sender, source, destination, kind, role, address, length), end

    def on_clean_message(  # noqa: PLR0917 -- as `CleanSink` has it
        self,
        time_ns: int,
        prepared: tuple[str, str],
        text: str,
        fields: Mapping[str, Value] | str,
        problems: tuple[str, ...],
        elapsed: float | None,
        machine: str | None,
        request: object,  # noqa: ARG002 -- a line does not have it
    ) -> str:
        """Return the line of a clean message."""
        same, end = prepared
        if not 0 <= time_ns - self._second_ns < _SECOND:
            self._second_ns = time_ns - time_ns % _SECOND
            self._second = iso_time(self._second_ns)[: -len("000000Z")]
        moment = str(time_ns)  # in which the microseconds can be cut out, in a third of the time of dividing
        plainly = moment[-3:] == "000" and time_ns >= _SECOND
        time = f"{self._second}{moment[-9:-3]}Z" if plainly else iso_time(time_ns)
        data = text[HEADER:-2]
        digits = f'"{data.lower()}"' if data else "null"
        values = fields if isinstance(fields, str) else orjson.dumps(dict(fields)).decode()
        waited = "" if elapsed is None else f'"elapsed":{orjson.dumps(elapsed).decode()},'
        whose = "" if machine is None else f',"machine":{orjson.dumps(machine).decode()}'
        wrong = orjson.dumps(problems).decode() if problems else "[]"
        # The text has letters and digits only, and so needs no escapes.
        return (
            f'{{"time":"{time}",{same}"data":{digits},"plaintext":"{text}",'
            f'"fields":{values},{waited}"problems":{wrong}{whose}{end}}}\n'
        )

    def record(self, record: Record) -> str:
        """The line of a Record."""
        return json_line(record)


class JsonLinesWriter(TextWriter):
    """Writes bytes, some hundred lines at a time: text line by line would take a fifth of all time.

    Args:
        file: Takes the text; a file that has a `buffer` of bytes.
    """

    def __init__(self, file: IO[str], _style: Style) -> None:
        super().__init__(file)
        self._buffer = cast("IO[bytes]", getattr(file, "buffer", None))
        self.sink = self._make = JsonLines()
        self._lines: list[str] = []

    def write(self, record: Record) -> None:
        """Write one line, with others."""
        lines = self._lines
        lines.append(self._make.record(record))
        if len(lines) >= _LINES:
            self._buffer.write("".join(lines).encode())
            lines.clear()

    def write_all(self, made: Iterable[str]) -> None:
        """Write lines."""
        self.flush()
        write, lines, waiting = self._buffer.write, iter(made), self._lines
        while True:
            waiting.extend(islice(lines, _LINES))  # which keeps those before an error, for `abandon`
            if not waiting:
                return
            write("".join(waiting).encode())
            waiting.clear()

    def flush(self) -> None:
        """Write the lines that wait for others."""
        self._file.flush()
        self._buffer.write("".join(self._lines).encode())
        self._lines.clear()
        self._buffer.flush()

    def abandon(self) -> None:
        """Write what was decoded up to now: on stdout it is worth having."""
        with contextlib.suppress(OSError):
            self.flush()


FORMAT: Final = OutputFormat(open=JsonLinesWriter, joinable=True)
