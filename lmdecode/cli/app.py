"""The parser: the commands, in the groups in which the help shows them. Only the one that is asked for is loaded."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from lmdecode import __version__
from lmdecode.cli._common.completion import SHELLS, words
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import reports_errors
from lmdecode.codec.printable import printable_lines
from lmdecode.project import page

PANELS: Final = {
    "Captures: what app and machine said": {
        "decode": "decode:decode",
        "report": "report:report",
        "shots": "shots:shots",
        "identify": "identify:identify",
        "check": "check:check",
        "export": "export:export",
        "query": "query:query",
        "redact": "redact:redact",
        "wireshark-plugin": "wireshark:wireshark_plugin",
    },
    "Explore: what the bytes mean": {
        "explain": "explain:explain",
        "registers": "registers:registers",
        "memory": "memory:memory",
        "changes": "changes:changes",
        "diff": "diff:diff",
        "unknowns": "unknowns:unknowns",
    },
    "Credentials: the machine's key": {
        "harvest": "harvest:harvest",
        "credentials": "credentials:credentials",
        "login": "login:login",
        "config": "config:app",
        "keys": "keys_check:app",
    },
    "Live: talk to a machine": {
        "status": "status:status",
        "get": "get:get",
        "watch": "watch:watch",
        "send": "send:app",
        "bridge": "bridge:bridge",
        "discover": "discover:discover",
        "scan": "scan:scan",
        "replay": "replay:replay",
        "simulate": "simulate:simulate",
    },
    "Set up: what is installed": {
        "doctor": "doctor:doctor",
        "samples": "samples:samples",
        "addon-path": "addon_path:addon_path",
    },
}
"""The groups of the help, each with its commands, the common ones first.

Of each command: the module in this folder, and in it the function, or the group of commands.
"""
COMMANDS: Final = {name: where for commands in PANELS.values() for name, where in commands.items()}
"""All commands, in the order of the help."""

_HELP: Final = """Understand the network protocols of La Marzocco espresso machines.

Start with one of these:

- `lmdecode decode morning.pcap` shows what app and machine said
- `lmdecode shots home-assistant.log` lists the coffees of a machine of today
- `lmdecode report morning.pcap --output report.html` makes an HTML page of it
- `lmdecode export captures/ --to years` makes a dataset of many captures; `lmdecode query` asks it in SQL
- `lmdecode identify morning.pcap` says which generation speaks in a capture and what it holds, without any key
- `lmdecode redact home-assistant.log to-post.log` makes a copy without secrets, to ask for help with
- `lmdecode explain R401C000403BC04D8B6` takes one message apart
- `lmdecode registers coffee` looks up names
- `lmdecode harvest` finds your machine's key, which only v1 needs, while you log in on your phone
- `lmdecode status`, `get`, `send` and `watch` talk to your machine; `lmdecode simulate` runs a simulated one
- `lmdecode samples` copies sample captures to try this on; `lmdecode doctor` says what is installed and what is missing

Each command explains itself: `lmdecode help decode`, or `lmdecode decode --help`.
"""
_EPILOG: Final = f"""Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no connection to the machine.

Which machines it works with: {page("index")}"""


_BLUETOOTH: Final = "--bluetooth"


class Commands(TyperGroup):
    """The commands in the order of the help. Typer puts groups of commands behind all others."""

    def make_context(self, info_name: str | None, args: list[str], *given: Any, **options: Any) -> Any:  # noqa: ANN401 -- see below
        """Reads the command line."""
        with _printable_errors():
            return super().make_context(info_name, _spelled_out(args), *given, **options)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 -- see below
        """Runs the command."""
        with _printable_errors():
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 -- see below
        """Finds the command that the first word names."""
        try:
            return super().resolve_command(ctx, args)
        except Exception as error:
            from lmdecode.cli._common.other_words import explain_unknown

            explain_unknown(error, args[0])
            raise

    def list_commands(self, _ctx: Any) -> list[str]:  # noqa: ANN401 -- Typer's click, wherever that is
        """Returns the names in order."""
        return sorted(self.commands, key=list(COMMANDS).index)


@contextlib.contextmanager
def _printable_errors() -> Iterator[None]:
    """Makes printable what Typer says is wrong with a command line: it quotes it, and a file can be named anything."""
    try:
        yield
    except Exception as error:
        if getattr(error, "option_name", ""):
            from lmdecode.cli._common.other_words import explain_unknown_option

            explain_unknown_option(error)
        if message := getattr(error, "format_message", None):
            text = printable_lines(message())
            error.format_message = lambda: text  # type: ignore[attr-defined]
        raise


def _spelled_out(arguments: Sequence[str]) -> list[str]:
    """Returns a command line as the parser takes it.

    `help decode` is `decode --help`. An option of completion without a shell gets one: "", for the one that runs the
    program. `--bluetooth` has a value or none, which Typer does not know.

    >>> _spelled_out(["help", "config", "set"]), _spelled_out(["--show-completion"])
    (['config', 'set', '--help'], ['--show-completion', ''])
    >>> _spelled_out(["get", "--bluetooth", "coffee_temp"]), _spelled_out(["status", "--bluetooth", "MR012345"])
    (['get', '--bluetooth=', 'coffee_temp'], ['status', '--bluetooth=MR012345'])
    """
    if arguments[:1] == ["help"]:
        return [*arguments[1:], "--help"]
    if len(arguments) == 1 and arguments[0] in {"--show-completion", "--install-completion"}:
        return [*arguments, ""]
    if _BLUETOOTH in arguments and arguments[0] != "discover":  # which looks for all machines
        from lmdecode.cli._common.bluetooth import with_value

        return with_value(arguments, _BLUETOOTH)
    return [*arguments]


def make_app(arguments: Sequence[str]) -> typer.Typer:
    """Returns the parser for a command line: with the one command that it names, or with all, to list them."""
    app = typer.Typer(
        name="lmdecode",
        cls=Commands,
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        add_completion=False,  # see _common.shells
        context_settings={"help_option_names": ["-h", "--help"]},
        help=_HELP,
        epilog=_EPILOG,
        callback=_root,
    )
    asked = next((each for each in arguments if each != "help"), "")
    for panel, commands in PANELS.items():
        for name, where in commands.items():
            if asked in COMMANDS and name != asked:
                continue
            module, _, function = where.partition(":")
            command = getattr(import_module(f"lmdecode.cli.{module}"), function)
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=name, rich_help_panel=panel)
            else:
                app.command(name, rich_help_panel=panel)(command)
    return app


def _print_version(context: typer.Context, asked: bool) -> None:
    if asked and not context.resilient_parsing:  # a shell that completes asks for nothing to be done
        echo(f"lmdecode {__version__}")
        raise typer.Exit


@reports_errors
def _show_completion(context: typer.Context, shell: str | None) -> None:
    if shell is not None and not context.resilient_parsing:
        from lmdecode.cli._common.shells import script_for

        sys.stdout.write(script_for(shell or None))
        raise typer.Exit


@reports_errors
def _install_completion(context: typer.Context, shell: str | None) -> None:
    if shell is not None and not context.resilient_parsing:
        from lmdecode.cli._common.shells import install_for

        echo(install_for(shell or None))
        raise typer.Exit


def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    _install: Annotated[
        str | None,
        typer.Option(
            "--install-completion",
            metavar="[SHELL]",
            callback=_install_completion,
            is_eager=True,
            autocompletion=words(SHELLS),
            help="Install completion for bash, zsh, fish or powershell. [default: the shell that you are in]",
            show_default=False,
        ),
    ] = None,
    _show: Annotated[
        str | None,
        typer.Option(
            "--show-completion",
            metavar="[SHELL]",
            callback=_show_completion,
            is_eager=True,
            autocompletion=words(SHELLS),
            help="Print the completion script of a shell, to install it yourself.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Stand for the options that come before a command."""
