"""The options that every command over captures has, so that the next one has them all by naming one parameter.

    @reports_errors
    @over_captures()
    def shots(captures: CaptureOptions, output: OutputOption = None) -> None:

Typer makes the options of a command from the signature of its function. `over_captures` writes all fields of
`CaptureOptions` into that signature in place of the parameter, and hands the function what was given as one object.
A command that cannot have one of them says why, where it is made: the docs have a table of it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, get_type_hints

from lmdecode.cli._common.options import (
    CapturesArgument,
    ConfigOption,
    FromOption,
    HandlesOption,
    JoinOption,
    KeysOption,
    MachineOption,
    PortOption,
    ToOption,
    UtcOption,
    WhereOption,
)

if TYPE_CHECKING:
    from lmdecode.app.asked import Asked

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureOptions:
    """What the user gave of the options that all commands over captures share, in the order of the help."""

    captures: CapturesArgument
    key: KeysOption = None
    config: ConfigOption = None
    port: PortOption = None
    machine: MachineOption = None
    where: WhereOption = None
    from_: FromOption = None
    to: ToOption = None
    utc: UtcOption = False
    join: JoinOption = False
    handles: HandlesOption = None

    def asked(self, *, show_secrets: bool = False, chosen_fields: tuple[str, ...] = ()) -> Asked:
        """Returns what is asked of the captures.

        Args:
            show_secrets: Whether the machine's cloud account is left readable.
            chosen_fields: The names of the fields to show; none for all.
        """
        from lmdecode.app.asked import Asked  # help and completion need none

        asked = Asked(
            keys=tuple(self.key or ()),
            config=self.config,
            show_secrets=show_secrets,
            port=self.port,
            where=tuple(self.where or ()),
            fields=chosen_fields,
            machine=self.machine,
            start=self.from_,
            end=self.to,
            join=self.join,
            handles=self.handles,
        )
        asked.check_times()
        return asked

    def named(self, **changes: Any) -> Self:  # noqa: ANN401 -- of fields
        """Returns the same with other values of some fields."""
        return type(self)(**{each.name: getattr(self, each.name) for each in fields(self)} | changes)


NAMES: Final = tuple(each.name for each in fields(CaptureOptions))
"""The parameters that `over_captures` makes."""


def over_captures(
    *,
    captures: Any = CapturesArgument,  # noqa: ANN401 -- what Annotated is
    without: Mapping[str, str] | None = None,
    **options: Any,  # noqa: ANN401 -- as above
) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Returns a decorator that gives a command all options of `CaptureOptions`, in place of the parameter of that type.

    Args:
        captures: The argument that names the captures, where it says something of its own.
        without: The options that the command does not have, by the name of the field, each with the reason.
        **options: Options that say something of their own in this command, by the name of the field.
    """
    left_out = dict(without or {})

    def decorate(command: Callable[..., R]) -> Callable[..., R]:
        hints = get_type_hints(CaptureOptions, include_extras=True) | {"captures": captures} | options
        signature = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        place = ""
        for parameter in signature.parameters.values():
            if parameter.annotation is not CaptureOptions:
                parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
                continue
            place = parameter.name
            parameters += [
                inspect.Parameter(
                    each.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    annotation=hints[each.name],
                    default=inspect.Parameter.empty if each.name == "captures" else each.default,
                )
                for each in fields(CaptureOptions)
                if each.name not in left_out
            ]

        @functools.wraps(command)
        def run(**given: Any) -> R:  # noqa: ANN401 -- whatever the signature says
            shared = {name: given.pop(name) for name in NAMES if name in given and name not in left_out}
            return command(**given, **{place: CaptureOptions(**shared)})

        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # functions may have one
        run.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
        run.left_out = left_out  # type: ignore[attr-defined]  # as above
        return run

    return decorate
