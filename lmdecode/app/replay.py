"""A replay: the app's requests in a capture, sent to a machine again, and its answers compared with the recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lmdecode.analysis.columns import FieldNameError, check_name
from lmdecode.analysis.replay import Comparison, Step, Verdict, compare, related_names, steps_of
from lmdecode.app.decode import Progress, no_progress
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.live import answered_within, memory_session, whole
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.redaction import ACCOUNT
from lmdecode.codec.v1.setting_change import check_raw_write, hazard
from lmdecode.codec.v1.window import Fields, decode_message
from lmdecode.codec.v1.windows import VOLATILE
from lmdecode.device.v1.resending import send_again
from lmdecode.device.v1.settings import find_model

if TYPE_CHECKING:
    from lmdecode.app.asked import Asked, Opened
    from lmdecode.codec.record import Record
    from lmdecode.config.targets import Target
    from lmdecode.device.v1.session import MemorySession

_TRIES: Final = 2  # of a read


@dataclass(frozen=True, slots=True)
class CheckedWrite:
    """A write of a replay that was checked and not sent yet."""

    step: Step
    fields: Fields
    """The values that it sets, by name."""
    warnings: tuple[str, ...]
    """How it heats or moves water, and what is doubtful about it, one line each."""


class Replay:
    """One replay on one machine.

    Args:
        target: The machine.
        timeout: Seconds to wait for an answer.
        speed: How many times as fast as recorded; None: as fast as the machine answers.
        ignored: The names of the values that may differ.
        writes: Whether to send the writes too.
        secrets: Whether to read the machine's cloud account too.
    """

    def __init__(
        self,
        target: Target,
        *,
        timeout: float,
        speed: float | None,
        ignored: frozenset[str],
        writes: bool,
        secrets: bool,
    ) -> None:
        self._target = target
        self._timeout = timeout
        self._speed = speed
        self._writes = writes
        self._secrets = secrets
        self.ignored = ignored
        self.counts: Counter[Verdict] = Counter()
        """The number of requests with each verdict until now."""

    def load(
        self,
        paths: Sequence[Path],
        asked: Asked,
        *,
        progress: Progress = no_progress,
        on_trouble: Callable[[str], None],
    ) -> list[Step]:
        """Reads the app's requests from captures.

        A request is chosen if it or its answer meets the conditions, and if it was made in the time that is asked for.

        Args:
            paths: The captures.
            asked: What is asked of them. Without keys, the target's key is that of the machine in the captures too.
            progress: Opens a progress bar.
            on_trouble: Takes what is wrong with the captures, one line each.

        Raises:
            CommandError: There are no requests.
            UsageError: The requests are to several machines, and none is named.
        """
        from lmdecode.analysis.memory_history import is_intact
        from lmdecode.app.captures import Captures

        asked = replace(asked, machine_option="--capture-machine")
        captures = Captures(paths, self._opened(asked), asked=replace(asked, where=()), progress=progress)
        passes = captures.condition(asked.where)
        names = captures.opened.names()
        machines: dict[str, None] = {}
        read: set[tuple[str | None, int]] = set()  # the connections that the key fits

        def is_wanted(record: Record) -> bool:
            passing = passes is None or passes(record)  # it is asked for each record
            wanted = passing and captures.is_asked((record.request or record).time_ns)
            if is_intact(record):
                read.add(record.connection)
                if wanted:
                    machines[names.one_of(record, asked.machine)] = None
            # What no key decrypts in other connections is no damage, but another machine's.
            return wanted and record.connection in read

        steps, damaged = steps_of(captures.by_time(every_time=True), is_wanted)
        verdict = captures.verdict()
        for complaint in verdict.complaints:
            on_trouble(complaint)
        if verdict.nothing is not None:
            hint = "; --capture-key gives the key of the machine in the capture"
            raise CommandError(verdict.nothing and f"{verdict.nothing}{hint}")
        if damaged:
            on_trouble(f"{damaged} of the app's requests are damaged and are not sent")
        name = ", ".join(map(str, captures.paths))
        if not steps and asked.chooses:
            raise CommandError(
                f"no request of the app in {name} fits {asked.as_options()}, so there is nothing to send"
            )
        if not steps:
            verb = "has" if len(captures.paths) == 1 else "have"
            raise CommandError(f"{name} {verb} no request from the app, so there is nothing to send")
        if len(machines) > 1:
            raise UsageError(
                f"{name}: the requests are to {len(machines)} machines: choose one with --capture-machine: "
                f"{', '.join(machines)}"
            )
        return steps

    def _opened(self, asked: Asked) -> Opened:
        """Returns what the captures are read with."""
        from lmdecode.app.asked import Opened
        from lmdecode.codec.dialect import MachineKey
        from lmdecode.codec.v1 import speakers_with
        from lmdecode.codec.v1.decoder import decoder_for
        from lmdecode.config.keys import find_keys

        keys, origin = (
            find_keys(asked.keys, asked.config)
            if asked.keys
            else ([MachineKey(self._target.name or "machine 1", self._target.key)], "--key or config")
        )
        opened = Opened(keys, origin, asked.config)
        decoder = decoder_for(keys, show_secrets=self._secrets)
        also = () if asked.port else opened.known.ports
        return opened.reading(speakers_with(decoder, asked.port, origin=origin, also=also))

    def seconds(self, steps: Sequence[Step]) -> float:
        """Returns how long the replay takes at least."""
        return 0.0 if self._speed is None else (steps[-1].time_ns - steps[0].time_ns) / 1e9 / self._speed

    def needs_consent(self, steps: Iterable[Step]) -> bool:
        """Whether a write would be sent, which somebody should confirm."""
        return any(self._is_write(step) for step in steps)

    async def check_writes(self, steps: Sequence[Step]) -> list[CheckedWrite]:
        """Checks the writes that would be sent; sends none.

        Raises:
            UsageError: The machine does not take one of them.
            MachineError: The machine's model cannot be read.
        """
        writes = [step for step in steps if self._is_write(step)]
        model = self._target.model
        if writes and model is None:
            async with self._session() as session:
                model = await answered_within(whole(self._timeout), session.run(find_model()))
        return [_checked(step, model) for step in writes]

    def plan(self, steps: Sequence[Step], on_step: Callable[[Step, Comparison, CheckedWrite | None], None]) -> None:
        """Says what would be sent, without a connection.

        Args:
            steps: The requests.
            on_step: Takes each request, in order, with whether it would be sent, and what a write sets.

        Raises:
            UsageError: The machine does not take one of the writes.
        """
        writes = {id(step): _checked(step, self._target.model) for step in steps if self._is_write(step)}
        for step in steps:
            why = self._why_not(step)
            found = Comparison(Verdict.NOT_SENT if why else Verdict.WOULD_BE_SENT, note=why)
            self.counts[found.verdict] += 1
            on_step(step, found, writes.get(id(step)))

    @property
    def checks_all(self) -> bool:
        """Whether the model is known, so that writes can be checked for it without a connection."""
        return self._target.model is not None

    async def run(self, steps: Sequence[Step], on_step: Callable[[Step, Comparison], None]) -> None:
        """Sends the requests and compares the answers.

        Args:
            steps: The requests.
            on_step: Takes each request with its comparison, in order.

        Raises:
            MachineError: There is no connection any more.
        """
        sent = [step for step in steps if not self._why_not(step)]
        async with self._session() as session:
            answers = send_again(session, ((step.time_ns, step.request) for step in sent), speed=self._speed)
            for step in steps:
                if why := self._why_not(step):
                    found = Comparison(Verdict.NOT_SENT, note=why)
                else:
                    answer, note = await anext(answers)
                    found = compare(step, answer, self.ignored)
                    if note and found.verdict is not Verdict.SAME:
                        found = replace(found, note="; ".join(filter(None, (found.note, note))))
                self.counts[found.verdict] += 1
                on_step(step, found)

    @property
    def differs(self) -> bool:
        """Whether an answer is different or missing."""
        return bool(self.counts[Verdict.DIFFERENT] or self.counts[Verdict.MISSING])

    def _is_write(self, step: Step) -> bool:
        return step.request.kind is Kind.WRITE and not self._why_not(step)

    def _why_not(self, step: Step) -> str:
        """Returns why a request is not sent; "" if it is."""
        if step.secret and (step.request.kind is Kind.WRITE or not self._secrets):
            return f"it is about {ACCOUNT}"
        return "a write: give --writes" if step.request.kind is Kind.WRITE and not self._writes else ""

    def _session(self) -> MemorySession:
        return memory_session(self._target, timeout=self._timeout, show_secrets=self._secrets, tries=_TRIES)


def parse_speed(text: str) -> float | None:
    """Returns a speed as people write it; None for `max`.

    Raises:
        UsageError: It is not a positive number.

    >>> parse_speed("0.5"), parse_speed("max")
    (0.5, None)
    """
    if text.strip().lower() == "max":
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise UsageError(f"--speed {text[:40]}: give a number such as 1, 10 or 0.5, or max")
    return factor


def parse_ignored(texts: Iterable[str]) -> frozenset[str]:
    """Returns the names of values that may differ, from texts such as `volatile,mon_*` or `none`.

    Raises:
        UsageError: There is no such name.
    """
    names: set[str] = set()
    for word in (word.strip() for text in texts for word in text.split(",")):
        try:
            names.update(VOLATILE if word == "volatile" else () if word in {"", "none"} else check_name(word))
        except FieldNameError as error:
            raise UsageError(f"--ignore: {error}") from None
    return related_names(names)


def _checked(step: Step, model: str | None) -> CheckedWrite:
    from lmdecode.render.machine import heading

    try:
        warnings = check_raw_write(step.request, model=model)
    except RegisterError as error:
        line = heading(step.time_ns, step.request, "").rstrip()
        raise UsageError(f"{line}: {error}; nothing was sent") from None
    fields, _ = decode_message(step.request)
    hazards = filter(None, (hazard(name, value) for name, value in fields.items()))
    return CheckedWrite(step, fields, (*hazards, *warnings))
