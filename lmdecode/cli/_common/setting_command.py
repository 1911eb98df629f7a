"""The commands of the settings: each has the words and options of its table, and those of all live commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lmdecode.app.setting_names import AnySetting, Usage, is_of_bluetooth_alone
from lmdecode.cli._common import completion
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import failures_as_json, reports_errors
from lmdecode.cli._common.live import live_target
from lmdecode.cli._common.options import (
    BluetoothOption,
    ConfigOption,
    HostOption,
    JsonOption,
    KeyOption,
    LiveGenerationOption,
    LiveMachineOption,
    LivePortOption,
    ModelOption,
    RadioOption,
    TimeoutOption,
)
from lmdecode.codec.bluetooth import settings as over_bluetooth
from lmdecode.codec.v1.settings import SETTINGS
from lmdecode.device.timing import ANSWER_TIMEOUT
from lmdecode.render.setting import example_of

if TYPE_CHECKING:
    from lmdecode.cli._common.sending import Sending

YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask before a change that heats or moves water, or a raw write.")
]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Show what would be sent: plaintext and frame, or characteristic and JSON; do not connect.",
    ),
]

_WORD: Final = "word_"  # before the names of a setting's own parameters, of which one might be that of an option
_WITHOUT: Final = "Without a value, it shows the present and the accepted values, and changes nothing."
_COMMON: Final[dict[str, tuple[Any, Any]]] = {
    "host": (HostOption, None),
    "port": (LivePortOption, None),
    "key": (KeyOption, None),
    "config": (ConfigOption, None),
    "machine": (LiveMachineOption, None),
    "bluetooth": (BluetoothOption, None),
    "radio": (RadioOption, None),
    "generation": (LiveGenerationOption, None),
    "model": (ModelOption, None),
    "timeout": (TimeoutOption, ANSWER_TIMEOUT),
    "yes": (YesOption, False),
    "dry_run": (DryRunOption, False),
    "as_json": (JsonOption, False),
}


def command_of(setting: AnySetting) -> Callable[..., None]:
    """Returns the command of a setting: a function with a signature that Typer reads."""
    options = {each.name for each in setting.parameters if each.option}

    def run(**given: Any) -> None:  # noqa: ANN401 -- whatever the signature says
        common = {name: given.pop(name) for name in _COMMON}
        words = given.pop("words", None)
        texts = {name.removeprefix(_WORD): text for name, text in given.items()}
        if words is None:
            words = [text for name, text in texts.items() if name not in options and text is not None]
        _set(setting.name, words, {name: texts[name] for name in options}, common)

    over = over_bluetooth.setting_named(setting.name)
    others = {} if over is None else {each.name: each.range_text for each in over.parameters}
    own = {_WORD + parameter.name: _as_typer(parameter, others) for parameter in setting.parameters}
    alternative = SETTINGS.get(getattr(setting, "alternative", ""))
    if alternative is not None:
        known = [word for each in (setting, alternative) for word in each.parameters[0].words or ()]
        either = typer.Argument(metavar="[on|off] | BUTTON SECONDS", autocompletion=completion.words(known))
        own = {"words": (Annotated[list[str] | None, either], None)}
    signature = own | _COMMON
    run.__name__ = setting.name
    alone = " Bluetooth only." if is_of_bluetooth_alone(setting.name) else ""
    paragraphs = [f"{setting.does}{alone}", _WITHOUT if setting.parameters else "", _generations(setting)]
    run.__doc__ = "\n\n".join([*filter(None, paragraphs), "Example:", f"    {example_of(setting)}"])
    run.__annotations__ = {}  # the signature says it all, and Typer would go through both
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # functions may have one
        [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
            for name, (annotation, default) in signature.items()
        ]
    )
    return reports_errors(run)


def _generations(setting: AnySetting) -> str:
    """Returns what each generation takes, in sentences."""
    other = over_bluetooth.setting_named(setting.name)
    if other is None:
        return "Only machines of v1 take this; the maker's app sets it on others."
    takes = "; ".join(each.range_text for each in other.parameters)
    if other is setting:
        return f"With `--bluetooth`: {takes}. v1 has no such setting; gateway v3 takes none at all."
    of_v1 = "; ".join(each.range_text for each in setting.parameters)
    same = f"v1: {of_v1}. Bluetooth: {takes}" if of_v1 != takes else f"v1 and Bluetooth: {takes}"
    return f"{same}. Gateway v3 takes no settings."


def _as_typer(parameter: Usage, others: Mapping[str, str]) -> tuple[Any, Any]:
    what = parameter.help
    if (other := others.get(parameter.name, parameter.range_text)) != parameter.range_text:
        what = f"{what.rstrip('.')}; over Bluetooth {other}."
    if parameter.option:
        return Annotated[str | None, typer.Option(f"--{parameter.name}", help=what)], None
    argument = typer.Argument(
        metavar=parameter.name.upper(),
        autocompletion=completion.words(parameter.words or ()),
        help=what,
        show_default=False,
    )
    return Annotated[str | None, argument], None


def _set(name: str, words: Sequence[str], options: Mapping[str, str | None], common: dict[str, Any]) -> None:
    from lmdecode.app.inquiry import check_generation, is_question
    from lmdecode.codec.v1.setting_words import conversions

    with failures_as_json(common["as_json"]):
        dry = common.pop("dry_run")
        if is_question(name, words, options):
            _show(name, words, common, connecting=not dry)
            return
        sending = _sending(common, connecting=not dry)
        check_generation(sending.driver.generation, name)
        plan = sending.driver.plan(name, words, options)
        for line in conversions(words):
            echo(f"lmdecode: {line}", err=True)
        if dry:
            sending.show_plan(plan)
        else:
            sending.change(plan)


def _show(name: str, words: Sequence[str], common: dict[str, Any], *, connecting: bool) -> None:
    """Shows what a setting is and what it takes; without a machine to ask, what it takes."""
    from lmdecode.app.inquiry import inquiry_for, inquiry_of
    from lmdecode.config.keys import MissingKeyError
    from lmdecode.config.machines import TargetError
    from lmdecode.config.targets import model_called
    from lmdecode.render.setting import setting_entry, usage_lines

    why = ""
    if connecting:
        try:
            sending = _sending(dict(common), connecting=True)
        except (MissingKeyError, TargetError) as error:
            if any(common[each] is not None for each in ("host", "key", "config", "machine", "bluetooth", "radio")):
                raise
            why = str(error)
        else:
            driver = sending.driver
            if driver.generation == "v3":
                driver.plan(name, words)  # which says that nothing can be set
            sending.show(inquiry_for(driver.generation, name, words, model=driver.model))
            return
    model = None if common["model"] is None else model_called(common["model"])
    over = common["bluetooth"] is not None or common["radio"] is not None or is_of_bluetooth_alone(name)
    asked = inquiry_for("bluetooth", name, words, model=model) if over else inquiry_of(name, words, {}, model=model)
    if asked is None:
        return
    if common["as_json"]:
        echo_json(setting_entry(asked, None))
    else:
        echo(*usage_lines(asked, columns=get_terminal_size().columns, options="--bluetooth" if over else ""))
    if why:
        echo(f"lmdecode: the present value was not read: {why}", err=True)


def _sending(common: dict[str, Any], *, connecting: bool) -> Sending:
    from lmdecode.app.live import driver_for
    from lmdecode.cli._common.sending import Sending

    own: dict[str, Any] = {name: common.pop(name) for name in ("timeout", "yes", "as_json")}
    own["options"] = "--bluetooth" if (common["bluetooth"], common["radio"]) != (None, None) else ""
    target = live_target(**common, connecting=connecting)
    return Sending(driver_for(target, timeout=own["timeout"]), **own)
