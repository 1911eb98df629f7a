"""One run of `lmdecode replay`."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from lmdecode.analysis.replay import Comparison, Step, Verdict, compare, steps_of
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.live import session_for
from lmdecode.cli._common.errors import INTERRUPTED, complain
from lmdecode.cli._common.prompt import confirmed, is_somebody_there
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.message import Kind
from lmdecode.codec.v1.redaction import ACCOUNT
from lmdecode.codec.v1.setting_change import check_raw_write, hazard
from lmdecode.codec.v1.window import decode_message
from lmdecode.device.errors import MachineError
from lmdecode.device.session import send_again
from lmdecode.device.settings import find_model
from lmdecode.render.machine import byte_text, heading, json_entry, telling, value_change_text
from lmdecode.render.sentence import summary

if TYPE_CHECKING:
    from lmdecode.config.targets import Target
    from lmdecode.device.session import Session

_TRIES: Final = 2  # of a read
_LONG: Final = 10.0  # s; what takes longer is said beforehand
_SAID: Final = {
    Verdict.SAME: "same",
    Verdict.VOLATILE: "different only in what may differ",
    Verdict.DIFFERENT: "different",
    Verdict.MISSING: "missing",
    Verdict.NOT_SENT: "not sent",
}


@dataclass
class ReplaySession:
    """What the user asked for, and what has come of it."""

    target: Target
    timeout: float
    speed: float | None
    """None: as fast as the machine answers."""
    ignored: frozenset[str]
    writes: bool
    yes: bool
    secrets: bool
    as_json: bool
    _counts: Counter[Verdict] = field(default_factory=Counter, init=False)

    def load(self, capture: Path, keys: Sequence[str], config: Path | None, port: int) -> list[Step]:
        """The app's requests in a capture.

        Raises:
            CommandError: There are none.
        """
        from lmdecode.app.decode import Outcome, nothing_decoded, read
        from lmdecode.codec.v1.decoder import MachineKey
        from lmdecode.config.keys import decoder_for, find_keys

        machines, origin = (
            find_keys(keys, config) if keys else ([MachineKey("machine", self.target.key)], "--key or config")
        )
        outcome = Outcome(capture)
        decoder = decoder_for(machines, show_secrets=self.secrets)
        steps, damaged = steps_of(read(outcome, decoder, port))
        for complaint in outcome.complaints:
            complain(complaint)
        why = nothing_decoded([outcome], port, origin)
        if why:
            raise CommandError(f"{why}; --capture-key gives the key of the machine in the capture")
        if why is not None:
            raise typer.Exit(1)
        if damaged:
            complain(f"{damaged} of the app's requests are damaged, and are not sent")
        if not steps:
            raise CommandError(f"{capture} has no request of the app's, so there is nothing to be sent")
        return steps

    def run(self, steps: Sequence[Step]) -> None:
        """Send and compare.

        Raises:
            UsageError: A write must not be made, or there is nobody to ask.
            MachineError: There is no connection.
        """
        if self.writes:
            asyncio.run(self._check_writes([step for step in steps if step.request.kind is Kind.WRITE]))
        seconds = (steps[-1].time_ns - steps[0].time_ns) / 1e9
        if self.speed is not None and seconds / self.speed > _LONG:
            typer.echo(f"this takes {seconds / self.speed:,.0f} s; --speed max is faster", err=True)
        try:
            asyncio.run(self._run(steps))
        except KeyboardInterrupt:
            self._sum_up(len(steps))
            complain("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except MachineError:
            self._sum_up(len(steps))
            raise
        self._sum_up(len(steps))
        if self._counts[Verdict.DIFFERENT] or self._counts[Verdict.MISSING]:
            raise typer.Exit(1)

    async def _run(self, steps: Sequence[Step]) -> None:
        sent = [step for step in steps if not self._why_not(step)]
        async with self._session() as session:
            answers = send_again(session, ((step.time_ns, step.request) for step in sent), speed=self.speed)
            for step in steps:
                if why := self._why_not(step):
                    self._tell(step, Comparison(Verdict.NOT_SENT, note=why))
                    continue
                answer, note = await anext(answers)
                found = compare(step, answer, self.ignored)
                self._tell(step, found, note if found.verdict is not Verdict.SAME else "")

    def _why_not(self, step: Step) -> str:
        """Why a step is not sent; "" if it is."""
        if step.secret and (step.request.kind is Kind.WRITE or not self.secrets):
            return f"it is about {ACCOUNT}"
        return "a write: give --writes" if step.request.kind is Kind.WRITE and not self.writes else ""

    async def _check_writes(self, steps: Sequence[Step]) -> None:
        """List the writes, check each, ask.

        Raises:
            UsageError: One must not be made, or there is nobody to ask.
        """
        steps = [step for step in steps if not self._why_not(step)]
        if not steps:
            return
        if not self.yes and not is_somebody_there():
            raise UsageError(
                "--writes changes the machine, and there is nobody to ask: give --yes to do it all the same"
            )
        model = self.target.model
        if model is None:
            async with self._session() as session:
                model = await find_model(session)
        for step in steps:
            try:
                warnings = check_raw_write(step.request, model=model)
            except RegisterError as error:
                line = heading(step.time_ns, step.request, "").rstrip()
                raise UsageError(f"{line}: {error}; nothing was sent") from None
            fields, _ = decode_message(step.request)
            warnings = [*filter(None, (hazard(name, value) for name, value in fields.items())), *warnings]
            values = ", ".join(f"{name} {text}" for name, text in summary(fields)) or (step.request.data or b"").hex(
                " "
            )
            what = f"0x{step.request.address:04X} {values}"
            typer.echo("  ".join([what, *(f"! {warning}" for warning in warnings)]), err=True)
        if not self.yes and not confirmed(f"Write these {len(steps)} to {self.target.host}?"):
            raise CommandError("nothing was sent")

    def _session(self) -> Session:
        return session_for(self.target, timeout=self.timeout, show_secrets=self.secrets, tries=_TRIES)

    def _tell(self, step: Step, found: Comparison, note: str = "") -> None:
        self._counts[found.verdict] += 1
        note = "; ".join(filter(None, (found.note, note)))
        if self.as_json:
            changes = [(change.name, change.old, change.new) for change in found.changes]
            unexplained = [(change.address, change.old, change.new) for change in found.unexplained]
            entry = json_entry(
                step.time_ns,
                step.request,
                found.verdict.value,
                note=note,
                changes=changes,
                unexplained=unexplained,
            )
            typer.echo(json.dumps(entry, ensure_ascii=False))
            return
        verdict = found.verdict.value + (f" ({note})" if note else "")
        typer.echo(heading(step.time_ns, step.request, verdict))
        for line in _lines(found, self.ignored):
            typer.echo(f"    {line}")

    def _sum_up(self, total: int) -> None:
        if not self._counts:
            return
        counts = [f"{self._counts[verdict]} {_SAID[verdict]}" for verdict in Verdict if self._counts[verdict]]
        rest = total - self._counts.total()
        left = [f"{rest} not come to"] if rest else []
        typer.echo(f"{total} requests: {', '.join([*counts, *left])}", err=True)


def _lines(found: Comparison, ignored: frozenset[str]) -> Iterator[str]:
    """What has changed: what matters a line each, then the names of what does not."""
    shown = set(telling(change.name for change in found.changes))
    for change in found.changes:
        if change.name in shown and change.name not in ignored:
            yield value_change_text(change.name, change.old, change.new)
    for piece in found.unexplained:
        yield byte_text(piece.address, piece.old, piece.new)
    volatile = [change.name for change in found.changes if change.name in shown and change.name in ignored]
    if volatile:
        yield f"may differ: {', '.join(volatile)}"
