"""One change of a machine from the command line: it is shown, asked for, sent once, and shown again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Final, TypeVar

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import INTERRUPTED, TERMINATED, complain
from lmdecode.cli._common.live import run_live
from lmdecode.cli._common.prompt import confirmed, is_somebody_there
from lmdecode.device.errors import MachineError

if TYPE_CHECKING:
    from lmdecode.app.inquiry import Inquiry
    from lmdecode.app.reading import Reading
    from lmdecode.app.send import LastWrite, RawWrite
    from lmdecode.codec.v1.message import Message
    from lmdecode.config.targets import Target
    from lmdecode.device.changing import Outcome, Plan, Preview
    from lmdecode.device.driver import Driver
    from lmdecode.device.session import Session
    from lmdecode.device.v1.session import MemorySession

T = TypeVar("T")

_FEW: Final = 2  # changes that are made without a question, if they heat and move nothing: the two times of a day


@dataclass
class Sending:
    """One command to one machine."""

    driver: Driver[Any]
    timeout: float
    yes: bool = False
    as_json: bool = False
    options: str = ""
    """What a command needs to mean the same machine: `--bluetooth`."""
    last_write: LastWrite = field(init=False)

    def __post_init__(self) -> None:
        from lmdecode.app.send import LastWrite

        self.last_write = LastWrite()

    def change(self, plan: Plan[Any, Any]) -> None:
        """Makes changes, and asks before those that heat or move water, and before many."""
        from lmdecode.app.send import consent_missing, hazards_of
        from lmdecode.render.counts import count_text
        from lmdecode.render.machine import preview_lines

        hazards = hazards_of(plan.changes)
        there = is_somebody_there()
        if hazards and not self.yes and not there:
            raise consent_missing(hazards)

        def may_send(found: Preview[Any, Any]) -> bool:
            """Returns whether it is sent at once, without a question."""
            if there and not self.yes and (hazards or found.doubts or len(found.pending) > _FEW):
                return False
            if found.doubts:
                echo(*(f"lmdecode: {each}" for each in found.doubts), err=True)
            return True

        found, outcome = self.run(self._change(plan, may_send))
        if outcome is None:
            lines = [*preview_lines(found.changes, found.before), *(f"! {each}" for each in found.doubts)]
            what = (
                f"this {' and '.join(hazards)}" if hazards else f"this makes {count_text(len(found.pending), 'change')}"
            )
            self.ask(lines, what)
            _, outcome = self.run(self._change(plan, lambda _: True))
        if outcome is not None:
            self._show(outcome)

    def show(self, inquiry: Inquiry) -> None:
        """Shows what a setting is and what it takes. Writes nothing."""
        from lmdecode.app.inquiry import answer
        from lmdecode.render.setting import setting_entry, usage_lines, value_line

        async def reading() -> tuple[Inquiry, Reading]:
            async with self._session() as session:
                return await self.in_time(answer(session, self.driver, inquiry))

        columns = get_terminal_size().columns
        try:
            inquiry, found = self.run(reading())
        except MachineError:  # is still raised: what it takes is known without the machine
            if not self.as_json:
                echo(*usage_lines(inquiry, columns=columns, options=self.options))
            raise
        if self.as_json:
            echo_json(setting_entry(inquiry, found.values))
        else:
            usage = usage_lines(inquiry, columns=columns, options=self.options)
            echo(*(value_line(*each) for each in found.values.items()), *([""] if found.values else []), *usage)
        for complaint in found.complaints:
            complain(complaint)
        if found.missing:
            raise typer.Exit(1)

    def show_plan(self, plan: Plan[Any, Any]) -> None:
        """Shows what would be sent."""
        from lmdecode.app.send import dry_run

        entries, note = dry_run(self.driver, plan)
        show_requests(entries, note, as_json=self.as_json)

    async def _change(
        self, plan: Plan[Any, Any], may_send: Callable[[Preview[Any, Any]], bool]
    ) -> tuple[Preview[Any, Any], Outcome | None]:
        from lmdecode.device.changing import making, previewing

        async with self._session() as session:
            found = await self.in_time(session.run(previewing(plan)))
            return found, await session.run(making(found)) if found.unchanged or may_send(found) else None

    def in_time(self, reading: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """Returns what reads, for no longer than all reads of a command may take."""
        from lmdecode.app.live import answered_within, whole

        return answered_within(whole(self.timeout, self.driver.generation), reading)

    def _session(self) -> Session[Any]:
        from lmdecode.app.live import session_with

        return session_with(self.driver, on_record=self.last_write.note)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs what talks to the machine. Whoever interrupts it is told of a write whose answer has not come."""
        try:
            return run_live(coroutine, waiting_for=self.driver.name)
        except (KeyboardInterrupt, SystemExit) as ended:  # Ctrl-C, or SIGTERM
            complaint = self.last_write.interruption
            if not complaint:
                raise
            if self.as_json:
                self.print(json.dumps({"state": "unknown", "sent": [self.last_write.text], "complaint": complaint}))
            complain(complaint)
            raise typer.Exit(INTERRUPTED if isinstance(ended, KeyboardInterrupt) else TERMINATED) from None

    def ask(self, lines: Sequence[str], what: str) -> None:
        """Asks whether to go on.

        Raises:
            CommandError: Not.
        """
        for line in lines:
            echo(line, err=True)
        try:
            agreed = confirmed(f"{what}. Go on?")
        except KeyboardInterrupt:
            complain("interrupted; nothing was sent")
            raise typer.Exit(INTERRUPTED) from None
        if not agreed:
            raise CommandError("nothing was sent")

    def _show(self, outcome: Outcome) -> None:
        from lmdecode.render.machine import outcome_entry, outcome_lines

        if self.as_json:
            self.print(json.dumps(outcome_entry(outcome), ensure_ascii=False))
        else:
            self.print("\n".join(outcome_lines(outcome)))
        if outcome.complaint:
            complain(outcome.complaint)
        if not outcome.done:
            raise typer.Exit(1)

    def print(self, text: str) -> None:
        """Prints the outcome. If that fails, complains at least that something was sent."""
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except OSError as error:
            if self.last_write.text and not isinstance(error, BrokenPipeError):
                complain(f"{self.last_write.text} was sent, but this cannot be written: {text}")
            raise


class RawSending(Sending):
    """A read or a write of bytes in the memory of a machine of v1.

    Args:
        target: The machine.
        timeout: Seconds to wait for an answer.
        yes: Whether a write is made without a question.
        as_json: Whether the outcome is JSON.
        show_secrets: Whether the machine's cloud account is shown.
    """

    def __init__(
        self,
        target: Target,
        timeout: float,
        *,
        yes: bool = False,
        as_json: bool = False,
        show_secrets: bool = False,
    ) -> None:
        from lmdecode.app.live import memory_driver

        super().__init__(memory_driver(target, timeout=timeout), timeout, yes=yes, as_json=as_json)
        self._target = target
        self._show_secrets = show_secrets

    def read(self, request: Message) -> None:
        """Reads a window, and shows it."""
        from lmdecode.app.live import read_window
        from lmdecode.render.memory_dump import dump
        from lmdecode.render.sentence import value_text

        async def reading() -> Any:  # noqa: ANN401 -- a Record, not loaded yet
            async with self._memory() as session:
                return await self.in_time(read_window(session, request))

        record = self.run(reading())
        if self.as_json:
            echo_json(record.as_dict())
            return
        echo(*dump(request.address, record.data or "").splitlines())
        for name, value in record.fields.items():
            echo(f"{name}: {value_text(name, value)}")
        for problem in record.problems:
            complain(problem)

    def write(self, write: RawWrite) -> None:
        """Writes bytes, once."""
        from lmdecode.app.send import bytes_before, consent_missing, write_raw
        from lmdecode.device.changing import State
        from lmdecode.render.machine import bytes_line, raw_entry

        async def in_session(what: Callable[[MemorySession, RawWrite], Coroutine[Any, Any, T]]) -> T:
            async with self._memory() as session:
                return await what(session, write)

        if not self.yes and not is_somebody_there():
            raise consent_missing([write.reason])
        address, new = write.request.address, write.request.data
        old = self.run(self.in_time(in_session(bytes_before)))
        if not self.yes:
            self.ask([*write.warnings, bytes_line(address, old, new)], "this writes raw bytes into the machine")
        outcome = self.run(in_session(write_raw))
        done = outcome.state is State.DONE
        if self.as_json:
            self.print(json.dumps(raw_entry(outcome, old), ensure_ascii=False))
        elif done:
            self.print(bytes_line(address, old, outcome.found))
        if outcome.complaint:
            complain(outcome.complaint)
        if not done:
            raise typer.Exit(1)

    def show_request(self, request: Message) -> None:
        """Shows what would be sent."""
        from lmdecode.app.send import frame_entry

        show_requests([frame_entry(request, self._target.key)], "", as_json=self.as_json)

    def _memory(self) -> MemorySession:
        from lmdecode.app.live import memory_session

        return memory_session(
            self._target, timeout=self.timeout, show_secrets=self._show_secrets, on_record=self.last_write.note
        )


def show_requests(entries: Sequence[dict[str, str]], note: str, *, as_json: bool) -> None:
    """Shows requests that would be sent, and a note on what is missing of them."""
    for entry in entries:
        if as_json:
            echo_json(entry)
        else:
            echo("  ".join(entry.values()))
    if note:
        echo(note, err=as_json)
