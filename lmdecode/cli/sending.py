"""What `send` does: looks at the machine, asks, writes once, reads back, tells."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.live import session_for
from lmdecode.cli._common.errors import INTERRUPTED, TERMINATED, complain
from lmdecode.cli._common.prompt import confirmed, is_somebody_there
from lmdecode.codec.errors import CodecError, RegisterError
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.message import ADDRESS_SPACE, Message, build
from lmdecode.codec.v1.ranges import address_of, byte_count
from lmdecode.codec.v1.setting_change import SettingChange, change, windows, writes
from lmdecode.codec.v1.settings import Setting, values_for
from lmdecode.device.errors import NoAnswerError
from lmdecode.device.settings import Outcome, State, fitted, look, make, write_raw
from lmdecode.render.sentence import value_text
from lmdecode.render.settings import as_dict, digits_or_none, hex_or_unknown, line_of, old_to_new

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.config.targets import Target
    from lmdecode.device.session import Session

T = TypeVar("T")


def window(address: str, length: str) -> Message:
    """A read, as people write its address and length.

    Raises:
        AddressRangeError: They are none.
    """
    start = address_of(address)
    return Message(Kind.READ, start, byte_count(length, start))


def bytes_at(address: str, digits: str) -> Message:
    """A write, as people write its address and data.

    Raises:
        UsageError, AddressRangeError: They are none.
    """
    try:
        data = bytes.fromhex(digits.removeprefix("0x"))
    except ValueError:
        raise UsageError(f"{digits[:40]!r} are no bytes in hexadecimal: give 08, or 03A7") from None
    if not data:
        raise UsageError("no bytes to write")
    start = address_of(address)
    if start + len(data) > ADDRESS_SPACE:
        raise UsageError(f"{len(data)} bytes at 0x{start:04X} run past the end of memory (0xFFFF)")
    return Message(Kind.WRITE, start, len(data), data)


@dataclass
class Sending:
    """One command to one machine."""

    target: Target
    timeout: float
    yes: bool = False
    as_json: bool = False
    _written: str = field(default="", init=False)
    """What was written last, as plaintext."""

    def set(self, setting: Setting, words: Mapping[str, str | None], *, dry: bool) -> None:
        """Change a setting."""
        try:
            values = values_for(setting, words, now=datetime.now())  # noqa: DTZ005 -- the machine's clock has no zone
            changes = [change(name, value, model=self.target.model) for name, value in values.items()]
        except RegisterError as error:
            raise UsageError(str(error)) from None
        if dry:
            self._show_changes(changes)
            return
        hazards = list(dict.fromkeys(each.hazard for each in changes if each.hazard))
        self._refuse_to_ask(hazards)
        before, outcome = self._attempt(self._look_and_make(changes, making=not hazards or self.yes))
        if outcome is None:
            for line in old_to_new(changes, before):
                typer.echo(line, err=True)
            self._ask(f"this {' and '.join(hazards)}")
            before, outcome = self._attempt(self._look_and_make(changes, making=True))
        if outcome is not None:
            self._tell(outcome)

    def read(self, request: Message, *, dry: bool, show_secrets: bool) -> None:
        """Read a window and show it."""
        if dry:
            self._show_messages([request])
            return
        try:
            record = self._attempt(self._read(request, show_secrets=show_secrets))
        except NoAnswerError as error:
            hint = ": a machine answers no read that goes beyond what it has there, so try fewer bytes"
            raise NoAnswerError(f"{error}{hint if request.length > 1 else ''}") from None
        if self.as_json:
            typer.echo(json.dumps(record.as_dict(), ensure_ascii=False))
            return
        from lmdecode.render.memory_dump import dump

        typer.echo(dump(request.address, record.data or ""))
        for name, value in record.fields.items():
            typer.echo(f"{name}: {value_text(name, value)}")

    def write(self, request: Message, *, dry: bool) -> None:
        """Write bytes."""
        from lmdecode.codec.v1.setting_change import check_raw_write

        try:
            warnings = check_raw_write(request, model=self.target.model)
        except RegisterError as error:
            raise UsageError(str(error)) from None
        if dry:
            self._show_messages([request])
            return
        self._refuse_to_ask([*warnings, "is a raw write"])
        old = self._attempt(self._old(request))
        if not self.yes:
            for warning in warnings:
                typer.echo(warning, err=True)
            typer.echo(f"0x{request.address:04X}: {hex_or_unknown(old)} → {hex_or_unknown(request.data)}", err=True)
            self._ask("this writes raw bytes into the machine")
        found, complaint, answered = self._attempt(self._write(request))
        taken = found == request.data
        if self.as_json:
            state = State.DONE if taken else State.NOT_TAKEN if answered and found is not None else State.UNKNOWN
            shown = {"address": request.address, "old": digits_or_none(old), "new": digits_or_none(request.data)}
            shown |= {"read_back": digits_or_none(found), "state": state.value}
            self._print(json.dumps(shown | ({"complaint": complaint} if complaint else {}), ensure_ascii=False))
        elif taken:
            self._print(f"0x{request.address:04X}: {hex_or_unknown(old)} → {hex_or_unknown(found)}")
        if complaint:
            complain(complaint)
        if not taken:
            raise typer.Exit(1)

    async def _look_and_make(self, changes: Sequence[SettingChange], *, making: bool) -> tuple[Memory, Outcome | None]:
        async with self._session() as session:
            try:
                changes = await fitted(session, changes, self.target.model)
            except RegisterError as error:
                raise UsageError(str(error)) from None
            before = await look(session, changes)
            if not making and not all(each.shown and each.is_made(before) for each in changes):
                return before, None
            return before, await make(session, changes, before)

    async def _read(self, request: Message, *, show_secrets: bool) -> Record:
        async with self._session(show_secrets=show_secrets) as session:
            return await session.read(request.address, request.length)

    async def _old(self, request: Message) -> bytes | None:
        from lmdecode.device.errors import BadAnswerError

        async with self._session() as session:
            await look(session, [])  # that the key is right
            try:
                return await session.data(request.address, request.length)
            except (BadAnswerError, NoAnswerError):
                return None  # not everything that can be written can be read

    async def _write(self, request: Message) -> tuple[bytes | None, str, bool]:
        async with self._session() as session:
            await look(session, [])
            return await write_raw(session, request)

    def _attempt(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run(coroutine)
        except (KeyboardInterrupt, SystemExit) as ended:  # Ctrl-C, or SIGTERM
            if not self._written:
                raise
            complaint = f"interrupted after {self._written} was sent: whether the machine took it is not known"
            if self.as_json:
                self._print(json.dumps({"state": State.UNKNOWN.value, "sent": [self._written], "complaint": complaint}))
            complain(complaint)
            raise typer.Exit(INTERRUPTED if isinstance(ended, KeyboardInterrupt) else TERMINATED) from None

    def _print(self, text: str) -> None:
        """Say what came of it; if that cannot be said, say at least that something was done."""
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except OSError as error:
            if self._written and not isinstance(error, BrokenPipeError):
                complain(f"{self._written} was sent, but this cannot be written: {text}")
            raise

    def _session(self, *, show_secrets: bool = False) -> Session:
        return session_for(self.target, timeout=self.timeout, show_secrets=show_secrets, on_record=self._note)

    def _note(self, record: Record) -> None:
        if record.sender == "app" and record.kind is Kind.WRITE and record.plaintext:
            self._written = record.plaintext

    def _refuse_to_ask(self, reasons: Sequence[str]) -> None:
        if reasons and not self.yes and not is_somebody_there():
            raise UsageError(f"this {reasons[-1]}, and there is nobody to ask: give --yes to do it all the same")

    def _ask(self, what: str) -> None:
        if not confirmed(f"{what}. Go on?"):
            raise CommandError("nothing was sent")

    def _tell(self, outcome: Outcome) -> None:
        if self.as_json:
            self._print(json.dumps(as_dict(outcome), ensure_ascii=False))
        else:
            self._print("\n".join(map(line_of, outcome.results)))
        if outcome.complaint:
            complain(outcome.complaint)
        if not outcome.done:
            raise typer.Exit(1)

    def _show_changes(self, changes: Sequence[SettingChange]) -> None:
        """Show what would be sent: the reads before, and the writes as far as they do not depend on those."""
        reads = [Message(Kind.READ, *each) for each in windows(changes)]
        self._show_messages(reads)
        try:
            self._show_messages(writes(changes, Memory()))
        except CodecError as error:
            typer.echo(f"then a write that depends on the answer: {error}")

    def _show_messages(self, messages: Sequence[Message]) -> None:
        from lmdecode.codec.v1.framing import wrap
        from lmdecode.codec.v1.key import encrypt

        for message in messages:
            plaintext = build(message)
            frame = wrap(encrypt(self.target.key, plaintext))
            if self.as_json:
                typer.echo(json.dumps({"plaintext": plaintext.decode(), "frame": frame.decode()}))
            else:
                typer.echo(f"{plaintext.decode()}  {frame.decode()}")
