"""Write docs/reference/options.md: the options of all commands. `make docs` runs it; a test checks that it was run.

The tables are read from the parser. Where a command lacks an option that others of its kind have, the reason must be
here, or where the command is made (`over_captures(without=…)`): a blank that nobody explains is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import typer.main

from lmdecode.cli.app import PANELS, make_app

PAGE: Final = Path(__file__).with_name("reference") / "options.md"
_NOT_SHOWN: Final = frozenset(("help", "install-completion", "show-completion", "version"))
_FIELDS: Final = {"from_": "from"}
"""Parameters whose options are called otherwise."""

_CAPTURES: Final = "Commands over captures"
_LIVE: Final = "Commands that talk to a machine"
_OTHERS: Final = "Other commands"

_INTRODUCTION: Final = """# Options of all commands

<!-- Made by `make docs` from the commands themselves and from docs/make_options.py; change it there. -->

An option that several commands have means the same in all of them. `●` is an option that the command has. A number
stands for the reason why the command does not have it; the reasons are below the table.
"""
_ABOUT: Final[Mapping[str, str]] = {
    _CAPTURES: """Each of these takes any number of captures, of any kind, and the options that choose among their
messages:

- **`CAPTURE…`**: several captures are read as one story, in the order of time. `decode`, `identify` and `keys check`
  show one capture after the other, `unknowns` puts those of one machine together, and `diff` compares two.
- **`--join`**: the captures are pieces of one, as `tcpdump -C`, `-G` and `-W` leave them. Connections continue from one
  piece to the next.
- **`--handles`**: in a recording of Bluetooth that has no discovery, which characteristic each handle is:
  `0a0b=0x29,0b0b=0x2b`, or a file of such pairs. Without it, lmdecode guesses, and says so.
- **`--port`**: without it, lmdecode looks at the ports of all known protocols and at all ports in `config.json`, so a
  port in the config never hides the traffic on the usual one. With it, lmdecode looks at that port only.
- **`--machine NAME`**: the name or serial number in the config, or the address in the capture. `*` is a wildcard, and
  upper and lower case are the same. It works with one key as with several. `--where machine=NAME` means the same. If
  no machine fits, the command lists the machines in the capture. `memory`, `changes` and `diff` show one machine; by
  default it is the one that `"machine"` in the config names.
- **`--where`**: the command uses only the messages that meet this condition.
- **`--from TIME`** and **`--to TIME`**: `decode`, `identify`, `keys check` and `unknowns` use only the messages
  of that time. `shots`, `report`, `changes` and `memory` also read the messages before it, to know the state of the
  machine. `shots` and `report` show the shots that began in that time, whole. `changes` lists its changes. `memory`
  shows the memory at its end and marks what changed in it. `diff` compares the memory before `--from` with the memory
  after `--to`. `replay` sends the requests that were recorded in that time.

If no message fits, the command says so, and how many messages there were.""",
    _LIVE: """`send SETTING` stands for all settings of `lmdecode send`, which have the same options. In `replay`, these
options belong to the machine that lmdecode sends to.""",
    _OTHERS: """These read no capture and talk to no machine, or to more than one.""",
}

_OF_A_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    _CAPTURES: ("capture…", "key", "config", "port", "machine", "where", "from", "to", "utc", "join", "format", "json",
                "output", "show-secrets", "fields", "range", "order", "jobs", "memory"),
    _LIVE: ("host", "port", "key", "config", "machine", "model", "timeout", "json", "yes", "dry-run", "utc"),
    _OTHERS: ("config", "key", "format", "json", "output", "show-secrets"),
}  # fmt: skip
"""The options that a command of a kind has, or lacks for a reason."""

_ANY: Final = ""
_OF_BRIDGE: Final = "It writes only with `--allow-writes`, which is the consent to all changes."
_REASONS: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    _CAPTURES: {
        "format": {"export": "A dataset is of Parquet files.", "report": "A report is a page of HTML."},
        "json": {"report": "A report is a page of HTML."},
        "output": {
            "export": "`--to` names the dataset.",
            "replay": "It shows each request as it sends it; `> FILE` keeps the output.",
        },
        "show-secrets": {
            "replay": "It has `--secrets`, which also sends the reads of the machine's cloud account.",
            _ANY: "Its output never contains the machine's cloud account.",
        },
        "fields": {
            "export": "A dataset has all messages with all fields, and a query chooses among them.",
            "memory": "`--range` chooses a part of the memory.",
            "diff": "`--range` chooses a part of the memory.",
            "unknowns": "It is about bytes that have no name; `--range` chooses among them.",
            "replay": "`--ignore` names the values that may differ; `--where` with `name=…` chooses the requests.",
            _ANY: "It does not list messages; `--where` with `name=…` chooses those that it uses.",
        },
        "range": {
            "export": "A dataset has all messages, and a query chooses among them.",
            _ANY: "It does not list memory by address; `--where` with `address=…` chooses the messages.",
        },
        "order": {
            "export": "Each capture has files of its own, and a query puts them in order.",
            "identify": "It is about each connection, so there is nothing to put in order.",
            "keys check": "It is about each connection, so there is nothing to put in order.",
            _ANY: "It reads several captures as one story, always in the order of time.",
        },
        "jobs": {
            "export": "`--scheduler local` uses all cores.",
            _ANY: "It makes one result of all captures, so one process reads them.",
        },
        "memory": {
            _ANY: "Its limit is the default of `decode`, 256 MB.",
        },
    },
    _LIVE: {
        "host": {"discover": "It looks for machines whose address nobody knows yet."},
        "port": {"discover": "It looks for machines whose port nobody knows yet."},
        "key": {"discover": "Machines announce themselves without a key."},
        "machine": {"discover": "It lists all machines."},
        "model": {
            "discover": "It reads nothing from a machine.",
            "bridge": "It uses the model in the config, or else the one that the machine reports.",
            _ANY: "What it does is the same for all models.",
        },
        "timeout": {"simulate": "It answers, and waits for no answer.", _ANY: "It waits as long as it runs."},
        "json": {
            "simulate": "Its output is a log for people.",
            "bridge": "Its output is a log for people; the values are JSON on the broker.",
            _ANY: "It writes its output as a stream.",
        },
        "yes": {"bridge": _OF_BRIDGE, _ANY: "It writes nothing to the machine."},
        "dry-run": {"bridge": _OF_BRIDGE, _ANY: "It writes nothing to the machine."},
        "utc": {"bridge": "The times in its log have their offset from UTC.", _ANY: "It shows no times."},
        "config": {_ANY: "It needs nothing from the config."},
    },
    _OTHERS: {
        "config": {_ANY: "It needs nothing from the config."},
        "key": {_ANY: "It decrypts nothing."},
        "format": {_ANY: "It has no table."},
        "json": {_ANY: "It has no result for programs."},
        "output": {"redact": "`OUT` is its second word.", _ANY: "It writes to the terminal, or to the config."},
        "show-secrets": {_ANY: "It shows no secrets."},
    },
}
"""By kind, option and command, why the command does not have it; `_ANY` is for all other commands of the kind."""


class Command(NamedTuple):
    """A command as users call it, with its options."""

    name: str
    kind: str
    options: frozenset[str]
    left_out: Mapping[str, str]
    """The options that it does not have, each with the reason that its own file gives."""


def commands() -> list[Command]:
    """The commands, in the order of the help; settings of `send` with equal options are one."""
    found: list[Command] = []
    group = typer.main.get_command(make_app([]))
    live = [name for panel, names in PANELS.items() if panel.startswith("Live") for name in names]
    for name, command in _walk(group):
        options = {max(each.opts, key=len)[2:] for each in command.params if each.param_type_name == "option"}
        takes_several = any(each.nargs == -1 and each.name == "captures" for each in command.params)
        left_out = getattr(command.callback, "left_out", None)
        kind = _CAPTURES if left_out is not None else _LIVE if name.split()[0] in live else _OTHERS
        options |= {"capture…"} if takes_several else set()
        reasons = {_FIELDS.get(each, each): reason for each, reason in (left_out or {}).items()}
        found.append(Command(name, kind, frozenset(options - _NOT_SHOWN - reasons.keys()), reasons))
        if name == "replay":
            found.append(Command(name, _LIVE, frozenset(options - _NOT_SHOWN), {}))
    return list(_collapsed(found))


def _walk(command: Any, name: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 -- Typer's click
    if not hasattr(command, "commands"):
        yield " ".join(name), command
        return
    for each in command.list_commands(None):
        yield from _walk(command.commands[each], (*name, each))


def _collapsed(found: Sequence[Command]) -> Iterator[Command]:
    """The commands, with one for all settings: those of `send` that take a model and no address."""
    settings = [
        each for each in found if each.name.startswith("send ") and each.name not in {"send read", "send write"}
    ]
    shared = frozenset.intersection(*(each.options for each in settings))
    for each in found:
        if each is settings[0]:
            yield each._replace(name="send SETTING", options=shared)
        elif each not in settings:
            yield each


def reason_of(command: Command, option: str) -> str | None:
    """Returns why a command lacks an option that similar commands have, or None if the tables give no reason."""
    if option in command.left_out:
        return command.left_out[option]
    reasons = _REASONS[command.kind].get(option, {})
    return reasons.get(command.name, reasons.get(_ANY))


def unexplained() -> list[str]:
    """The options of its kind that a command lacks without a reason, and the reasons for what a command has."""
    found = []
    for command in commands():
        for option in _OF_A_KIND[command.kind]:
            if option not in command.options and reason_of(command, option) is None:
                found.append(f"{command.name} has no --{option}: say why in docs/make_options.py, or give it one")
            if option in command.options and (
                option in command.left_out or command.name in _REASONS[command.kind].get(option, {})
            ):
                found.append(f"{command.name} has --{option}, and docs/make_options.py says why not")
    return found


def _table(kind: str) -> str:
    rows = [each for each in commands() if each.kind == kind]
    options = _OF_A_KIND[kind]
    reasons: dict[str, int] = {}
    lines = [
        ["command", *(f"`{'--' * (each[-1] != '…')}{each.upper() if each[-1] == '…' else each}`" for each in options)]
    ]
    lines.append(["---"] + [":-:"] * len(options))
    for row in rows:
        cells = []
        for option in options:
            if option in row.options:
                cells.append("●")
            else:
                reason = reason_of(row, option) or "?"
                cells.append(str(reasons.setdefault(reason, len(reasons) + 1)))
        lines.append([f"`{row.name}`", *cells])
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    notes = "\n".join(f"{number}. {reason}" for reason, number in reasons.items())
    return f"## {kind}\n\n{_ABOUT[kind]}\n\n{table}\n\n{notes}\n"


def _own() -> str:
    """What each command has beside the tables."""
    listed = []
    for each in commands():
        shared = {*_OF_A_KIND[each.kind], *(_OF_A_KIND[_CAPTURES] if each.name == "replay" else ())}
        if (each.name, each.kind) != ("replay", _CAPTURES):
            listed.append((each.name, sorted(each.options - shared)))
    lines = [f"- `{name}`: {', '.join(f'`--{each}`' for each in own)}" for name, own in listed if own]
    return (
        "## Options of one command\n\n"
        "`lmdecode COMMAND --help` explains these options, which are not in the tables:\n\n" + ("\n".join(lines) + "\n")
    )


def page() -> str:
    """The page as it should be."""
    return "\n".join([_INTRODUCTION, *(_table(kind) for kind in _ABOUT), _own()])


if __name__ == "__main__":
    if problems := unexplained():
        raise SystemExit("\n".join(problems))
    PAGE.write_text(page(), encoding="utf-8")
