"""`lmdecode send`: one setting, or raw bytes, to a live machine. The commands are made from the table of settings."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer
from typer.core import TyperGroup

from lmdecode.app.errors import CommandError
from lmdecode.app.targets import memory_target
from lmdecode.cli._common import completion
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import INTERRUPTED, TERMINATED, complain, failures_as_json, reports_errors
from lmdecode.cli._common.live import live_target, run_live
from lmdecode.cli._common.options import (
    ConfigOption,
    HostOption,
    JsonOption,
    KeyOption,
    LiveMachineOption,
    LivePortOption,
    ModelOption,
    ShowSecretsOption,
    TimeoutOption,
)
from lmdecode.cli._common.prompt import confirmed, is_somebody_there
from lmdecode.codec.v1.register import model_named
from lmdecode.codec.v1.settings import (
    SETTINGS,
    Parameter,
    Setting,
    is_former,
    present_name,
    setting_named,
    unknown_setting,
    writable_names,
)
from lmdecode.config.targets import find_target
from lmdecode.device.errors import MachineError, joined
from lmdecode.device.timing import ANSWER_TIMEOUT
from lmdecode.render.setting import example_of

if TYPE_CHECKING:
    from lmdecode.app.inquiry import Inquiry
    from lmdecode.app.reading import Reading
    from lmdecode.app.send import LastWrite, RawWrite
    from lmdecode.codec.v1.memory import Memory
    from lmdecode.codec.v1.message import Message
    from lmdecode.codec.v1.setting_change import SettingChange
    from lmdecode.config.targets import Target
    from lmdecode.device.core import Outcome, Preview
    from lmdecode.device.v1.driver import MemoryDriver
    from lmdecode.device.v1.session import MemorySession

T = TypeVar("T")

YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask before a change that heats or moves water, or a raw write.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be sent, as plaintext and as frame; do not connect.")
]

_WORD: Final = "word_"  # before the names of a setting's own parameters, of which one might be that of an option
_WITHOUT: Final = "Without a value, it shows the present and the accepted values, and changes nothing."
_FEW: Final = 2  # changes that are made without a question, if they heat and move nothing: the two times of a day


class SettingGroup(TyperGroup):
    """The group of the settings. It suggests the nearest name for a wrong one."""

    def get_command(self, ctx: Any, name: str) -> Any:  # noqa: ANN401 -- Typer's click, wherever that is
        """Returns the command of a setting, also by an earlier name or another spelling; None if there is none.

        A writable register that is not in the list has a command as well, which is made when it is asked for.
        """
        present = present_name(name)
        found = super().get_command(ctx, present)
        if found is not None or present not in writable_names():
            return found
        one = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]}, rich_markup_mode="markdown")
        one.command(present, context_settings={"ignore_unknown_options": True})(_command(setting_named(present)))
        return typer.main.get_command(one)

    def further_names(self) -> list[str]:
        """Returns the names that have a command and are not in the list, for a shell that completes."""
        return writable_names()

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 -- see above
        """Finds the command."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            setting_named(name)  # which says what may be meant
            raise unknown_setting(name)
        if is_former(name):
            echo(f"lmdecode: {name} is called {present_name(name)} now", err=True)
        return super().resolve_command(ctx, args)

    @reports_errors
    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 -- see above
        """Runs the command."""
        return super().invoke(ctx)


app = typer.Typer(
    cls=SettingGroup,
    help="Change a setting of the machine, or read and write its memory. Without a value, a setting shows its "
    "present and its accepted values, and changes nothing.",
    epilog="Each setting explains itself: `lmdecode send dose --help`. Registers, bits and times of day can be set by "
    "their own names too: `lmdecode send tue_on_time 06:30`. Exit codes: 0 done, 1 failed or not taken, "
    "2 wrong usage, 3 no connection to the machine.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass
class _Sending:
    """One command to one machine: shows, asks, sends, shows."""

    target: Target
    timeout: float
    yes: bool = False
    as_json: bool = False
    _last_write: LastWrite = field(init=False)

    def __post_init__(self) -> None:
        from lmdecode.app.send import LastWrite

        self._last_write = LastWrite()

    def change(self, changes: Sequence[SettingChange]) -> None:
        from lmdecode.app.send import consent_missing, hazards_of
        from lmdecode.render.machine import preview_lines
        from lmdecode.render.sentence import count_text

        hazards = hazards_of(changes)
        there = is_somebody_there()
        if hazards and not self.yes and not there:
            raise consent_missing(hazards)

        def may_send(found: Preview[Message, Memory]) -> bool:
            """Returns whether it is sent at once, without a question."""
            if there and not self.yes and (hazards or found.doubts or len(found.pending) > _FEW):
                return False
            if found.doubts:
                echo(*(f"lmdecode: {each}" for each in found.doubts), err=True)
            return True

        found, outcome = self._run(self._change(changes, may_send))
        if outcome is None:
            lines = [*preview_lines(changes, found.before), *(f"! {each}" for each in found.doubts)]
            what = (
                f"this {' and '.join(hazards)}" if hazards else f"this makes {count_text(len(found.pending), 'change')}"
            )
            self._ask(lines, what)
            _, outcome = self._run(self._change(changes, lambda _: True))
        if outcome is not None:
            self._show(outcome)

    def show(self, inquiry: Inquiry) -> None:
        """Shows what a setting is and what it takes. Writes nothing."""
        from lmdecode.app.inquiry import answer
        from lmdecode.render.setting import setting_entry, usage_lines, value_line

        async def reading() -> tuple[Inquiry, Reading]:
            async with self._session() as session:
                return await self._in_time(answer(session, self._driver(), inquiry))

        usage = usage_lines(inquiry.setting, inquiry.usages, columns=get_terminal_size().columns)
        try:
            inquiry, found = self._run(reading())
        except MachineError:  # is still raised: what it takes is known without the machine
            if not self.as_json:
                echo(*usage)
            raise
        if self.as_json:
            echo_json(setting_entry(inquiry.setting, inquiry.usages, found.values))
        else:
            echo(*(value_line(*each) for each in found.values.items()), *([""] if found.values else []), *usage)
        for complaint in found.complaints:
            complain(complaint)
        if found.missing:
            raise typer.Exit(1)

    def read(self, request: Message, *, show_secrets: bool) -> None:
        from lmdecode.app.live import read_window
        from lmdecode.render.memory_dump import dump
        from lmdecode.render.sentence import value_text

        async def reading() -> Any:  # noqa: ANN401 -- a Record, not loaded yet
            async with self._session(show_secrets=show_secrets) as session:
                return await self._in_time(read_window(session, request))

        record = self._run(reading())
        if self.as_json:
            echo_json(record.as_dict())
            return
        echo(*dump(request.address, record.data or "").splitlines())
        for name, value in record.fields.items():
            echo(f"{name}: {value_text(name, value)}")
        for problem in record.problems:
            complain(problem)

    def write(self, write: RawWrite) -> None:
        from lmdecode.app.send import bytes_before, consent_missing, write_raw
        from lmdecode.device.core import State
        from lmdecode.render.machine import bytes_line, raw_entry

        async def in_session(what: Callable[[MemorySession, RawWrite], Coroutine[Any, Any, T]]) -> T:
            async with self._session() as session:
                return await what(session, write)

        if not self.yes and not is_somebody_there():
            raise consent_missing([write.reason])
        address, new = write.request.address, write.request.data
        old = self._run(self._in_time(in_session(bytes_before)))
        if not self.yes:
            self._ask([*write.warnings, bytes_line(address, old, new)], "this writes raw bytes into the machine")
        outcome = self._run(in_session(write_raw))
        done = outcome.state is State.DONE
        if self.as_json:
            self._print(json.dumps(raw_entry(outcome, old), ensure_ascii=False))
        elif done:
            self._print(bytes_line(address, old, outcome.found))
        if outcome.complaint:
            complain(outcome.complaint)
        if not done:
            raise typer.Exit(1)

    def show_plan(self, messages: Sequence[Message], note: str = "") -> None:
        from lmdecode.codec.v1.message import build
        from lmdecode.codec.v1.requester import frame_of

        for message in messages:
            plaintext, frame = build(message).decode(), frame_of(message, self.target.key).decode()
            line = json.dumps({"plaintext": plaintext, "frame": frame}) if self.as_json else f"{plaintext}  {frame}"
            echo(line)
        if note:
            echo(note, err=self.as_json)

    async def _change(
        self, changes: Sequence[SettingChange], may_send: Callable[[Preview[Message, Memory]], bool]
    ) -> tuple[Preview[Message, Memory], Outcome | None]:
        from lmdecode.device.core import making, previewing
        from lmdecode.device.v1.driver import plan_of

        async with self._session() as session:
            found = await self._in_time(session.run(previewing(plan_of(changes, model=self.target.model))))
            return found, await session.run(making(found)) if found.unchanged or may_send(found) else None

    def _in_time(self, reading: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        from lmdecode.app.live import answered_within, whole

        return answered_within(whole(self.timeout), reading)

    def _driver(self) -> MemoryDriver:
        from lmdecode.app.live import memory_driver

        return memory_driver(self.target, timeout=self.timeout)

    def _session(self, *, show_secrets: bool = False) -> MemorySession:
        from lmdecode.app.live import session_for

        return session_for(
            self.target, timeout=self.timeout, show_secrets=show_secrets, on_record=self._last_write.note
        )

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            return run_live(coroutine, waiting_for=joined(self.target.host, self.target.port))
        except (KeyboardInterrupt, SystemExit) as ended:  # Ctrl-C, or SIGTERM
            complaint = self._last_write.interruption
            if not complaint:
                raise
            if self.as_json:
                self._print(
                    json.dumps({"state": "unknown", "sent": [self._last_write.plaintext], "complaint": complaint})
                )
            complain(complaint)
            raise typer.Exit(INTERRUPTED if isinstance(ended, KeyboardInterrupt) else TERMINATED) from None

    def _ask(self, lines: Sequence[str], what: str) -> None:
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
            self._print(json.dumps(outcome_entry(outcome), ensure_ascii=False))
        else:
            self._print("\n".join(outcome_lines(outcome)))
        if outcome.complaint:
            complain(outcome.complaint)
        if not outcome.done:
            raise typer.Exit(1)

    def _print(self, text: str) -> None:
        """Prints the outcome. If that fails, complains at least that something was sent."""
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except OSError as error:
            if self._last_write.plaintext and not isinstance(error, BrokenPipeError):
                complain(f"{self._last_write.plaintext} was sent, but this cannot be written: {text}")
            raise


def _set(name: str, words: Sequence[str], options: Mapping[str, str | None], common: dict[str, Any]) -> None:
    from lmdecode.app.inquiry import inquiry_of
    from lmdecode.app.send import planned
    from lmdecode.codec.v1.setting_words import conversions
    from lmdecode.device.v1.changes import changes_for

    with failures_as_json(common["as_json"]):
        dry = common.pop("dry_run")
        if inquiry_of(name, words, options) is not None:
            _show(name, words, common, connecting=not dry)
            return
        sending = _sending(common, connecting=not dry)
        changes = changes_for(name, words, options, model=sending.target.model)
        for line in conversions(words):
            echo(f"lmdecode: {line}", err=True)
        if dry:
            sending.show_plan(*planned(changes))
        else:
            sending.change(changes)


def _show(name: str, words: Sequence[str], common: dict[str, Any], *, connecting: bool) -> None:
    """Shows what a setting is and what it takes; without a machine to ask, what it takes."""
    from lmdecode.app.inquiry import inquiry_of
    from lmdecode.config.keys import MissingKeyError
    from lmdecode.config.machines import TargetError
    from lmdecode.render.setting import setting_entry, usage_lines

    why = ""
    if connecting:
        try:
            sending = _sending(dict(common), connecting=True)
        except (MissingKeyError, TargetError) as error:
            if any(common[each] is not None for each in ("host", "key", "config", "machine")):
                raise
            why = str(error)
        else:
            inquiry = inquiry_of(name, words, {}, model=sending.target.model)
            if inquiry is not None:
                sending.show(inquiry)
            return
    inquiry = inquiry_of(name, words, {}, model=None if common["model"] is None else model_named(common["model"]))
    if inquiry is None:
        return
    if common["as_json"]:
        echo_json(setting_entry(inquiry.setting, inquiry.usages, None))
    else:
        echo(*usage_lines(inquiry.setting, inquiry.usages, columns=get_terminal_size().columns))
    if why:
        echo(f"lmdecode: the present value was not read: {why}", err=True)


def _sending(common: dict[str, Any], *, connecting: bool) -> _Sending:
    own = {name: common.pop(name) for name in ("timeout", "yes", "as_json") if name in common}
    return _Sending(memory_target(live_target(**common, connecting=connecting), "this"), **own)


_COMMON: Final[dict[str, tuple[Any, Any]]] = {
    "host": (HostOption, None),
    "port": (LivePortOption, None),
    "key": (KeyOption, None),
    "config": (ConfigOption, None),
    "machine": (LiveMachineOption, None),
    "model": (ModelOption, None),
    "timeout": (TimeoutOption, ANSWER_TIMEOUT),
    "yes": (YesOption, False),
    "dry_run": (DryRunOption, False),
    "as_json": (JsonOption, False),
}


def _command(setting: Setting) -> Callable[..., None]:
    """Returns the command of a setting: a function with a signature that Typer reads."""
    options = {each.name for each in setting.parameters if each.option}

    def run(**given: Any) -> None:  # noqa: ANN401 -- whatever the signature says
        common = {name: given.pop(name) for name in _COMMON}
        words = given.pop("words", None)
        texts = {name.removeprefix(_WORD): text for name, text in given.items()}
        if words is None:
            words = [text for name, text in texts.items() if name not in options and text is not None]
        _set(setting.name, words, {name: texts[name] for name in options}, common)

    own = {_WORD + parameter.name: _as_typer(parameter) for parameter in setting.parameters}
    if setting.alternative:
        known = [word for name in (setting, SETTINGS[setting.alternative]) for word in name.parameters[0].words or ()]
        either = typer.Argument(metavar="[on|off] | BUTTON SECONDS", autocompletion=completion.words(known))
        own = {"words": (Annotated[list[str] | None, either], None)}
    signature = own | _COMMON
    run.__name__ = setting.name
    run.__doc__ = f"{setting.does}\n\n{_WITHOUT if setting.parameters else ''}\n\nExample:\n\n    {example_of(setting)}"
    run.__annotations__ = {name: annotation for name, (annotation, _) in signature.items()}
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # functions may have one
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, (annotation, default) in signature.items()
        ]
    )
    return reports_errors(run)


def _as_typer(parameter: Parameter) -> tuple[Any, Any]:
    if parameter.option:
        return Annotated[str | None, typer.Option(f"--{parameter.name}", help=parameter.help)], None
    argument = typer.Argument(
        metavar=parameter.name.upper(),
        autocompletion=completion.words(parameter.words or ()),
        help=parameter.help,
        show_default=False,
    )
    return Annotated[str | None, argument], None


for _setting in SETTINGS.values():
    # So that -5 is a number that is out of range rather than an unknown option.
    app.command(_setting.name, context_settings={"ignore_unknown_options": True})(_command(_setting))


@app.command("read")
@reports_errors
def read(
    address: Annotated[
        str,
        typer.Argument(
            metavar="RANGE",
            help="0x4000-0x401F, or 0x4000+32; or an address, with LENGTH behind it.",
            show_default=False,
        ),
    ],
    length: Annotated[
        str | None,
        typer.Argument(metavar="LENGTH", help="Bytes from that address on: 32, or 0x20.", show_default=False),
    ] = None,
    host: HostOption = None,
    port: LivePortOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    machine: LiveMachineOption = None,
    timeout: TimeoutOption = ANSWER_TIMEOUT,
    as_json: JsonOption = False,
    dry_run: DryRunOption = False,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Read a window of the machine's memory.

    Examples:

        lmdecode send read 0x4000-0x401F

        lmdecode send read 0x4000 32
    """
    from lmdecode.app.live import read_request

    with failures_as_json(as_json):
        request = read_request(address, length)
        target = memory_target(
            find_target(host=host, port=port, key=key, config=config, machine=machine, connecting=not dry_run), "this"
        )
        sending = _Sending(target, timeout, as_json=as_json)
        if dry_run:
            sending.show_plan([request])
        else:
            sending.read(request, show_secrets=show_secrets)


@app.command("write")
@reports_errors
def write(
    address: Annotated[str, typer.Argument(help="Hexadecimal: 0x001E.", show_default=False)],
    data: Annotated[list[str], typer.Argument(help="Bytes in hexadecimal: 08, or 03A7.", show_default=False)],
    host: HostOption = None,
    port: LivePortOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    machine: LiveMachineOption = None,
    model: ModelOption = None,
    timeout: TimeoutOption = ANSWER_TIMEOUT,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write bytes into the machine's memory. Known registers take only values in their range.

    Example:

        lmdecode send write 0x001E 08
    """
    from lmdecode.app.send import raw_write, write_request

    with failures_as_json(as_json):
        request = write_request(address, "".join(data))
        target = memory_target(
            find_target(
                host=host, port=port, key=key, config=config, machine=machine, model=model, connecting=not dry_run
            ),
            "this",
        )
        checked = raw_write(request, model=target.model)
        sending = _Sending(target, timeout, yes=yes, as_json=as_json)
        if dry_run:
            sending.show_plan([request])
        else:
            sending.write(checked)
