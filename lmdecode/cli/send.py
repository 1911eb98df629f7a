"""`lmdecode send`: one setting, or raw bytes, to a live machine. The commands are made from the table of settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from lmdecode.app.errors import UsageError
from lmdecode.app.live import target_for
from lmdecode.cli._common.errors import reports_errors
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
from lmdecode.cli.sending import Sending
from lmdecode.codec.v1.settings import SETTINGS, Parameter, Setting, nearest_setting
from lmdecode.device.client import ANSWER_TIMEOUT
from lmdecode.render.settings import failures_as_json

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before what heats, moves water or is raw.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be sent, as plaintext and as frame; do not connect.")
]

_WORD: Final = "word_"  # before the names of a setting's own parameters: one is `key`, as is an option
_UNCLEAR: Final = {"off": "power off, prebrewing off or steam-boiler off", "on": "power on or steam-boiler on"}


class Settings(TyperGroup):
    """The group of the settings: says what comes near to a name that is none."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 -- Typer's click, wherever that is
        """Find the command."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise UsageError(_no_such(name, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    @reports_errors
    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 -- see above
        """Run what was asked for."""
        return super().invoke(ctx)


app = typer.Typer(
    cls=Settings,
    help="Set something on the machine, once; or read and write its memory.",
    epilog="Each one: `lmdecode send dose --help`. Exit codes: 0 done, 1 failed or not taken, 2 wrong usage, "
    "3 no connection to the machine.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _no_such(name: str, known: list[str]) -> str:
    if name.lower() in _UNCLEAR:
        return f"send {name}: what? {_UNCLEAR[name.lower()]}"
    near = nearest_setting(name, known)
    return f"nothing named {name[:40]!r} can be set" + (
        f": did you mean {near}?" if near else ": `lmdecode send --help` lists what can"
    )


def _run(setting: Setting, words: dict[str, str | None], options: dict[str, Any]) -> None:
    with failures_as_json(bool(options["as_json"])):
        _set(setting, words, options)


def _set(setting: Setting, words: dict[str, str | None], options: dict[str, Any]) -> None:
    dry = bool(options["dry_run"])
    sending = Sending(
        target=_target(options, connecting=not dry),
        timeout=float(options["timeout"]),
        yes=bool(options["yes"]),
        as_json=bool(options["as_json"]),
    )
    sending.set(setting, words, dry=dry)


def _target(options: dict[str, Any], *, connecting: bool) -> Any:  # noqa: ANN401 -- Target, not loaded yet
    return target_for(
        host=options["host"],
        port=options["port"],
        key=options["key"],
        config=options["config"],
        machine=options["machine"],
        model=options.get("model"),
        connecting=connecting,
    )


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
    """The command of a setting: a function whose signature Typer reads."""

    def run(**given: Any) -> None:  # noqa: ANN401 -- whatever the signature says
        common = {name: given.pop(name) for name in _COMMON}
        if setting.alternative:
            chosen, words = _chosen(setting, given.pop("words") or [])
            _run(chosen, words, common)
        else:
            _run(setting, {name.removeprefix(_WORD): text for name, text in given.items()}, common)

    own = (
        {"words": (Annotated[list[str] | None, typer.Argument(metavar="[on|off] | KEY SECONDS")], None)}
        if setting.alternative
        else {_WORD + parameter.name: _as_typer(parameter) for parameter in setting.parameters}
    )
    signature = own | _COMMON
    run.__name__ = setting.name.replace("-", "_")
    run.__doc__ = f"{setting.does}\n\nExample:\n\n    lmdecode send {setting.name} {setting.example}".rstrip()
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
    metavar = parameter.name.upper()
    if parameter.default is not None:
        return Annotated[str, typer.Argument(metavar=metavar, help=parameter.help)], parameter.default
    annotation = Annotated[str, typer.Argument(metavar=metavar, help=parameter.help, show_default=False)]
    return annotation, inspect.Parameter.empty


def _chosen(setting: Setting, words: list[str]) -> tuple[Setting, dict[str, str | None]]:
    """The setting that some words mean, and the words by parameter."""
    alternative = SETTINGS[setting.alternative]
    chosen = alternative if len(words) > 1 else setting
    if len(words) > len(chosen.parameters) or (words and len(words) < len(chosen.parameters)):
        raise UsageError(f"write: send {setting.name} [on|off], or: send {setting.name} {setting.example}")
    texts = words or [parameter.default or "" for parameter in chosen.parameters]
    return chosen, {parameter.name: text for parameter, text in zip(chosen.parameters, texts, strict=True)}


for _setting in SETTINGS.values():
    # So that -5 is a number that is out of range, and not an option that there is not.
    app.command(_setting.name, context_settings={"ignore_unknown_options": True})(_command(_setting))


@app.command("read")
@reports_errors
def read(
    address: Annotated[str, typer.Argument(help="Hexadecimal: 0x4000.", show_default=False)],
    length: Annotated[str, typer.Argument(help="Bytes: 32, or 0x20.", show_default=False)],
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
    """Read some of the machine's memory, whatever is there.

    Example:

        lmdecode send read 0x4000 32
    """
    from lmdecode.cli.sending import window

    options = {"host": host, "port": port, "key": key, "config": config, "machine": machine}
    with failures_as_json(as_json):
        asked = window(address, length)
        target = _target(options, connecting=not dry_run)
        Sending(target=target, timeout=timeout, as_json=as_json).read(asked, dry=dry_run, show_secrets=show_secrets)


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
    """Write bytes into the machine's memory. Known registers only take what is in their range.

    Example:

        lmdecode send write 0x001E 08
    """
    from lmdecode.cli.sending import bytes_at

    options = {"host": host, "port": port, "key": key, "config": config, "machine": machine, "model": model}
    with failures_as_json(as_json):
        request = bytes_at(address, "".join(data))
        target = _target(options, connecting=not dry_run)
        Sending(target=target, timeout=timeout, yes=yes, as_json=as_json).write(request, dry=dry_run)
