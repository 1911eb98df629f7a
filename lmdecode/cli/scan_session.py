"""One run of `lmdecode scan`: its image, which is saved however the run ends, and what is told of it."""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from lmdecode.app.errors import CommandError
from lmdecode.app.files import check_writable, load_image, whole_file
from lmdecode.app.live import client_for
from lmdecode.cli._common.errors import INTERRUPTED, complain
from lmdecode.cli._common.progress import counting_bar
from lmdecode.codec.v1.image import MemoryImage, image_text
from lmdecode.codec.v1.memory import Answer, Region
from lmdecode.codec.v1.redaction import ACCOUNT, touches_secret
from lmdecode.device.errors import MachineError
from lmdecode.device.scan import Identity, Scanner
from lmdecode.device.scan_plan import Piece, Plan, without_secrets

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.config.targets import Target
    from lmdecode.device.client import Client

_SAVE_EVERY: Final = 30.0  # s
_SHOWN: Final = 12  # regions that are listed
_SAID: Final = {Answer.SILENT: "silent", Answer.ECHO: "echo of the request"}


@dataclass
class ScanSession:
    """What the user asked for, and what has come of it."""

    target: Target
    ranges: Sequence[Piece]
    words: Sequence[str]
    """The ranges as they were written."""
    output: Path | None
    resume: Path | None
    pace: float
    timeout: float
    largest: int
    finest: int
    secrets: bool
    as_json: bool
    _image: MemoryImage = field(default_factory=MemoryImage, init=False)
    _path: Path = field(default_factory=Path, init=False)
    _plan: Plan | None = field(default=None, init=False)
    _settled: int = field(default=0, init=False)
    """Bytes that were known, or known to give nothing, when the image was saved last."""

    def run(self) -> None:
        """Scan, save, and tell.

        Raises:
            CommandError, MachineError: It cannot begin, or cannot go on; what was read is saved.
        """
        if not self.secrets and not without_secrets(self.ranges):
            raise CommandError(f"{ACCOUNT} is all that was asked for: --secrets reads it")
        begun = self.resume or (self.output if self.output is not None and self.output.is_file() else None)
        if begun is not None:
            self._image = load_image(begun)
        if self.output or self.resume:
            check_writable(self.output or self.resume or Path())
        started = time.monotonic()
        scanner = Scanner(self._connect, pace=self.pace, timeout=self.timeout, on_trouble=complain)
        try:
            asyncio.run(self._scan(scanner, begun))
        except KeyboardInterrupt:
            if self._plan is None:
                raise
            self._save()
            complain(f"interrupted: {self._how_to_go_on()}")
            raise typer.Exit(INTERRUPTED) from None
        except MachineError:
            if self._plan is not None and self._save():
                complain(self._how_to_go_on())
            raise
        finally:
            if self._plan is not None:  # SIGTERM, a full disk, and what nobody thought of
                self._save()
        self._tell(scanner, time.monotonic() - started)

    async def _scan(self, scanner: Scanner, begun: Path | None) -> None:
        async with scanner:
            identity = await scanner.identify()
            source = f"scan of {self.target.host}:{self.target.port}"
            if begun is not None:
                _refuse_other(self._image, begun, identity, source)
            self._path = self.output or self.resume or Path(_default_name(identity, self.target.host))
            check_writable(self._path)
            self._image.model = identity.model or self.target.model or self._image.model
            self._image.serial = identity.serial or self._image.serial
            self._image.source = source
            self._plan = plan = Plan(
                self._image.memory,
                self.ranges,
                answered=scanner.largest_answered,
                largest=self.largest,
                finest=self.finest,
                secrets=self.secrets,
            )
            self._warn(plan)
            self._settled = plan.settled
            with counting_bar("scan", plan.total, "bytes") as bar:
                scanner.on_progress = self._progress(plan, bar)
                await scanner.run(plan)

    def _connect(self, number: int, note: Callable[[Record], None]) -> Client:
        return client_for(self.target, timeout=self.timeout, stream=number, show_secrets=self.secrets, on_record=note)

    def _warn(self, plan: Plan) -> None:
        if self.secrets and any(touches_secret(*piece) for piece in plan.ranges):
            typer.echo(f"{self._path} will hold {ACCOUNT}: do not pass it on", err=True)
        elif not self.secrets and any(touches_secret(*piece) for piece in self.ranges):
            typer.echo(f"{ACCOUNT} is left out; --secrets reads it", err=True)
        if plan.settled:
            typer.echo(
                f"{plan.settled:,} of {plan.total:,} bytes are known from {self.resume or self.output}", err=True
            )

    def _progress(self, plan: Plan, bar: Callable[[int], None] | None) -> Callable[[], None]:
        due = time.monotonic() + _SAVE_EVERY

        def tell() -> None:
            nonlocal due
            if bar is not None:
                bar(plan.settled)
            if time.monotonic() >= due:
                self._save()
                due = time.monotonic() + _SAVE_EVERY

        return tell

    def _save(self) -> bool:
        """Write the image if there is something new to be written; whether there is a file."""
        plan = self._plan
        if plan is None:
            return False
        if plan.settled == self._settled and self._path.exists():
            return True
        if not plan.settled:
            return False
        self._image.made = datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
        secret = any(touches_secret(address, len(data)) for address, data in self._image.memory.runs())
        with whole_file(self._path, private=secret) as file:
            file.write(image_text(self._image, show_secrets=secret))
        self._settled = plan.settled
        return True

    def _how_to_go_on(self) -> str:
        plan = self._plan
        if plan is None or not self._path.exists():
            return "nothing was read"
        words = " ".join(["lmdecode scan", *self.words, "--resume", shlex.quote(str(self._path))])
        return f"{self._path} has {plan.settled:,} of {plan.total:,} bytes; to go on, with the same options: {words}"

    def _tell(self, scanner: Scanner, seconds: float) -> None:
        plan = self._plan
        if plan is None:
            return
        memory = self._image.memory
        regions = list(_inside(memory.regions, plan.ranges))
        counts = {answer: sum(each.length for each in regions if each.answer is answer) for answer in Answer}
        read = plan.settled - sum(counts.values())
        if self.as_json:
            about = {"file": str(self._path), "model": self._image.model, "serial": self._image.serial}
            sizes = {"read": read, **{answer.value: count for answer, count in counts.items()}, "left": plan.damaged}
            how = {
                "largest_piece": plan.largest_answered,
                "requests": scanner.requests,
                "connections": scanner.connections,
                "seconds": round(seconds, 3),
            }
            typer.echo(json.dumps(about | sizes | how, ensure_ascii=False))
        else:
            for region in regions[:_SHOWN]:
                typer.echo(f"0x{region.address:04X} to 0x{region.end - 1:04X}: {_SAID[region.answer]}")
            if len(regions) > _SHOWN:
                typer.echo(f"and {len(regions) - _SHOWN} more regions that give nothing")
            silent, echoing = counts[Answer.SILENT], counts[Answer.ECHO]
            typer.echo(
                f"{self._path}: {read:,} bytes read, {silent:,} silent, {echoing:,} echoing; largest piece "
                f"{plan.largest_answered} bytes; {scanner.requests:,} requests, {seconds:.1f} s"
            )
        if plan.damaged:
            raise CommandError(
                f"{plan.damaged:,} bytes are left, since reads of them gave damaged answers or ended the connection; "
                f"{self._how_to_go_on()}"
            )


def _default_name(identity: Identity, host: str) -> str:
    who = "".join(char if char.isalnum() else "-" for char in identity.serial or host)
    return f"scan-{who}-{datetime.now():%Y%m%d-%H%M%S}.json"  # noqa: DTZ005 -- for the people here


def _refuse_other(image: MemoryImage, path: Path, identity: Identity, source: str) -> None:
    """See to it that an image is of the machine that is scanned.

    Raises:
        CommandError: It is not, or nobody can tell.
    """
    if image.serial and identity.serial:
        if image.serial != identity.serial:
            raise CommandError(
                f"{path} is of the machine {image.serial}, and this is {identity.serial}: name another file"
            )
        return
    if image.model and identity.model and image.model != identity.model:
        raise CommandError(f"{path} is of a {image.model}, and this is a {identity.model}: name another file")
    if image.source != source:
        of = f"it is a {image.source}" if image.source else "it does not say what it is of"
        raise CommandError(f"{path} may be of another machine: {of}, and this is a {source}: name another file")


def _inside(regions: Sequence[Region], ranges: Sequence[Piece]) -> Iterator[Region]:
    """The parts of the regions that are in some ranges."""
    for region in regions:
        for piece in ranges:
            start, end = max(region.address, piece.address), min(region.end, piece.end)
            if start < end:
                yield Region(start, end - start, region.answer)
