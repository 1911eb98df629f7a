"""Single values of a machine, and what a setting takes: for people, for shell scripts and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Final, Protocol

from lmdecode.analysis.units import unit_of
from lmdecode.codec.record import Value
from lmdecode.codec.v1.settings import Parameter
from lmdecode.render.sentence import value_text

_WIDTH: Final = 79  # columns; of a narrower terminal fewer
_LEAST: Final = 20  # columns for what a word may be


class Named(Protocol):
    """A setting, of whichever generation."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def example(self) -> str:
        """The words after the name in an example."""


class Word(Protocol):
    """A word that follows the name of a setting."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def option(self) -> bool:
        """Whether it is written `--name value` and may be left out."""

    @property
    def words(self) -> Mapping[str, Value] | None:
        """The value of each word; None if it is a number, or whatever the setting takes."""

    @property
    def range_text(self) -> str:
        """What it takes, in words."""


class Asked(Protocol):
    """A setting that was asked for."""

    @property
    def setting(self) -> Named:
        """Which one."""

    @property
    def usages(self) -> Sequence[Sequence[Word]]:
        """The ways to use it, each with its words."""


def bare_text(name: str, value: Value) -> str:
    """Returns a value without its unit, as `lmdecode send` takes it.

    >>> bare_text("coffee_temp", 95.6), bare_text("power", True), bare_text("auto_bitfield", ["mon_auto", "tue_auto"])
    ('95.6', 'on', 'mon_auto,tue_auto')
    """
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ",".join(value) or "none"
    if isinstance(value, str) and not value:
        return ""
    unit = unit_of(name)
    text = value_text(name, value)
    return text.removesuffix(f" {unit}") if unit else text


def value_line(name: str, value: Value) -> str:
    """Returns the line of a value, with its name and its unit.

    >>> value_line("coffee_temp", 95.6), value_line("power", True)
    ('coffee_temp: 95.6 °C', 'power: on')
    """
    unit = unit_of(name)
    return f"{name}: {bare_text(name, value)}" + (f" {unit}" if unit else "")


def usage_lines(asked: Asked, *, columns: int = _WIDTH, options: str = "") -> list[str]:
    """Returns what a setting takes, in lines: the command, each of its words, an example.

    Args:
        asked: The setting, and the ways to use it.
        columns: The width of the terminal.
        options: What a command needs behind its words to mean the same machine: `--bluetooth`.
    """
    behind = f" {options}" if options else ""
    lines: list[str] = []
    for number, parameters in enumerate(asked.usages):
        words = " ".join(
            f"[--{each.name} {each.name.upper()}]" if each.option else each.name.upper() for each in parameters
        )
        lines.append(f"{'or' if number else 'to change it'}: lmdecode send {asked.setting.name} {words}{behind}")
        width = max(len(each.name) for each in parameters)
        for each in parameters:
            first, *rest = wrap(each.range_text, max(min(columns, _WIDTH) - width - 4, _LEAST), break_long_words=False)
            lines += [f"  {each.name.upper():<{width}}  {first}", *(f"  {'':<{width}}  {more}" for more in rest)]
    return [*lines, f"example: {example_of(asked.setting)}{behind}"]


def example_of(setting: Named) -> str:
    """Returns a command that changes a setting."""
    return f"lmdecode send {setting.name} {setting.example}".rstrip()


def setting_entry(asked: Asked, values: Mapping[str, Value] | None) -> dict[str, object]:
    """Returns a setting that was asked for, as JSON: its present values, and what it takes.

    Args:
        asked: The setting, and the ways to use it.
        values: The values by name; None if no machine was asked.
    """
    entry: dict[str, object] = {"state": "not read" if values is None else "read", "setting": asked.setting.name}
    if values is not None:
        entry["values"] = [{"name": name, "value": value, "unit": unit_of(name)} for name, value in values.items()]
    takes = [[_parameter_entry(each) for each in parameters] for parameters in asked.usages]
    return entry | {"takes": takes, "example": example_of(asked.setting)}


def _parameter_entry(parameter: Word) -> dict[str, object]:
    entry: dict[str, object] = {"name": parameter.name, "optional": parameter.option}
    row = parameter.row if isinstance(parameter, Parameter) else None
    if row is not None:
        limits = {"minimum": row.minimum, "maximum": row.maximum, "step": row.type.step, "unit": row.unit}
        return entry | limits
    if parameter.words:
        entry["words"] = list(parameter.words)
    form = parameter.form if isinstance(parameter, Parameter) else "" if parameter.words else parameter.range_text
    return entry | ({"form": form} if form else {})
