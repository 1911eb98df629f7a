"""A scan of reads a machine's memory into an image. The image is saved every half minute, and however the scan ends."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lmdecode.app.errors import CommandError
from lmdecode.app.files import check_writable, load_image, whole_file
from lmdecode.app.live import memory_client
from lmdecode.codec.v1.image import MemoryImage, image_text
from lmdecode.codec.v1.redaction import ACCOUNT, touches_secret
from lmdecode.device.errors import MachineError
from lmdecode.device.v1.scan import Identity, Scanner, ScanSummary
from lmdecode.device.v1.scan_plan import Piece, Plan, without_secrets

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.config.targets import Target
    from lmdecode.device.v1.client import MemoryClient

_SAVE_EVERY: Final = 30.0  # s

Bar = Callable[[int], AbstractContextManager[Callable[[int], None] | None]]
"""Shows progress for so many bytes while a block runs; the block gets what takes the number of bytes done."""


def _no_bar(_total: int) -> AbstractContextManager[Callable[[int], None] | None]:
    return contextlib.nullcontext()


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What to scan, and how."""

    ranges: Sequence[Piece]
    words: Sequence[str] = ()
    """The ranges as the user wrote them, for the command that resumes the scan."""
    output: Path | None = None
    """The image file; an existing one is resumed. None: a name made of serial number, date and time."""
    resume: Path | None = None
    """An image to start from; None for none."""
    pace: float = 0.0
    """Seconds between an answer and the next read."""
    timeout: float = 3.0
    """Seconds to wait for an answer."""
    largest: int = 0x100
    """Bytes in the largest read to try."""
    finest: int = 1
    """Bytes below which a silent piece is not halved."""
    secrets: bool = False
    """Whether to read the machine's cloud account."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The result of a scan."""

    path: Path
    """The image file."""
    model: str | None
    serial: str | None
    summary: ScanSummary


class Scan:
    """One scan of one machine.

    Args:
        target: The machine.
        options: What to scan, and how.
        on_note: Takes what the user should know, one line each.
        on_trouble: Takes what goes wrong on the way, one line each.
        bar: Shows progress.
    """

    def __init__(
        self,
        target: Target,
        options: ScanOptions,
        *,
        on_note: Callable[[str], None],
        on_trouble: Callable[[str], None],
        bar: Bar = _no_bar,
    ) -> None:
        self._target = target
        self._options = options
        self._note = on_note
        self._trouble = on_trouble
        self._bar = bar
        self._image = MemoryImage()
        self._path = Path()
        self._plan: Plan | None = None
        self._saved = 0  # bytes that were settled when the image was saved last

    async def run(self) -> ScanResult:
        """Scans, and saves the image.

        Raises:
            CommandError: The scan cannot begin: the image cannot be written, or is of another machine.
            MachineError: There is no connection any more; what was read is saved.
        """
        options = self._options
        if not options.secrets and not without_secrets(options.ranges):
            raise CommandError(f"{ACCOUNT} is all that was asked for: add --secrets to read it")
        started_from = options.resume
        if started_from is None and options.output is not None and options.output.is_file():
            started_from = options.output
        if started_from is not None:
            self._image = load_image(started_from)
        if named := options.output or options.resume:
            check_writable(named)
        scanner = Scanner(self._connect, pace=options.pace, timeout=options.timeout, on_trouble=self._trouble)
        try:
            async with scanner:
                plan = await self._begin(scanner, started_from)
                with self._bar(plan.total) as show:
                    scanner.on_progress = self._progress(plan, show)
                    await scanner.run(plan)
        except MachineError:
            if self._plan is not None and self._save():
                self._trouble(self.how_to_resume())
            raise
        finally:  # Ctrl-C, SIGTERM, a full disk
            self._save()
        return ScanResult(self._path, self._image.model, self._image.serial, scanner.summary(plan))

    @property
    def begun(self) -> bool:
        """Whether the machine has been identified, so that there is something to resume."""
        return self._plan is not None

    def how_to_resume(self) -> str:
        """Returns how much is saved and the command that resumes the scan, in one line."""
        plan = self._plan
        if plan is None or not self._path.exists():
            return "nothing was read"
        words = " ".join(["lmdecode scan", *self._options.words, "--resume", shlex.quote(str(self._path))])
        return f"{self._path} has {plan.settled:,} of {plan.total:,} bytes; to go on, with the same options: {words}"

    async def _begin(self, scanner: Scanner, started_from: Path | None) -> Plan:
        options, target = self._options, self._target
        identity = await scanner.identify()
        source = f"scan of {target.host}:{target.port}"
        if started_from is not None:
            _refuse_other(self._image, started_from, identity, source)
        self._path = options.output or options.resume or Path(_default_name(identity, target.host))
        check_writable(self._path)
        if options.output is None and options.resume is None:
            self._note(f"the image goes into {self._path}, in this folder; --output names another file")
        self._image.model = identity.model or target.model or self._image.model
        self._image.serial = identity.serial or self._image.serial
        self._image.source = source
        plan = self._plan = Plan(
            self._image.memory,
            options.ranges,
            answered=scanner.largest_answered,
            largest=options.largest,
            finest=options.finest,
            secrets=options.secrets,
        )
        if options.secrets and any(touches_secret(*piece) for piece in plan.ranges):
            self._note(f"{self._path} will hold {ACCOUNT}: do not pass it on")
        elif not options.secrets and any(touches_secret(*piece) for piece in options.ranges):
            self._note(f"{ACCOUNT} is left out; --secrets reads it")
        if plan.settled:
            self._note(f"{plan.settled:,} of {plan.total:,} bytes are known from {started_from}")
        self._saved = plan.settled
        return plan

    def _connect(self, number: int, note: Callable[[Record], None]) -> MemoryClient:
        options = self._options
        return memory_client(
            self._target, timeout=options.timeout, stream=number, show_secrets=options.secrets, on_record=note
        )

    def _progress(self, plan: Plan, show: Callable[[int], None] | None) -> Callable[[], None]:
        due = time.monotonic() + _SAVE_EVERY

        def progress() -> None:
            nonlocal due
            if show is not None:
                show(plan.settled)
            if time.monotonic() >= due:
                self._save()
                due = time.monotonic() + _SAVE_EVERY

        return progress

    def _save(self) -> bool:
        """Writes the image if there is something new in it; returns whether there is a file."""
        plan = self._plan
        if plan is None:
            return False
        if plan.settled == self._saved and self._path.exists():
            return True
        if not plan.settled:
            return False
        self._image.made = datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
        secret = any(touches_secret(address, len(data)) for address, data in self._image.memory.runs())
        with whole_file(self._path, private=secret) as file:
            file.write(image_text(self._image, show_secrets=secret))
        self._saved = plan.settled
        return True


def _default_name(identity: Identity, host: str) -> str:
    who = "".join(char if char.isalnum() else "-" for char in identity.serial or host)
    return f"scan-{who}-{datetime.now():%Y%m%d-%H%M%S}.json"  # noqa: DTZ005 -- for the people here


def _refuse_other(image: MemoryImage, path: Path, identity: Identity, source: str) -> None:
    """Checks that an image is of the machine that is scanned.

    Raises:
        CommandError: It is of another machine, or may be.
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
