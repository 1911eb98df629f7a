"""Write the manual pages, man/*.1, from the parser. `make docs` runs it; a test sees to it that it was run.

The pages are kept, and not made when the package is built: a build would need the parser, and with it all that lmdecode
depends on, in an environment that `pip install` makes for the build alone. A page is also read in a review like any
other text. What would make them differ from one day or computer to the next, dates and widths, is not in them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import typer.main

from lmdecode.cli.app import PANELS, make_app

FOLDER: Final = Path(__file__).parents[1] / "man"
_HEAD: Final = "'\\\" -*- coding: utf-8 -*-\n.\\\" Made by `make docs` from lmdecode's help; change it there.\n"
_INLINE: Final = re.compile(r"(`[^`]+`|\*\*[^*]+\*\*)")
_FOLD: Final = re.compile(r" (?=--?[A-Za-z]|\| )")
_WIDTH: Final = 80 - 11 - 1  # columns of an example, without its indentation, and man's last column
_ENVIRONMENT: Final = (
    ("LMDECODE_KEY", "The machine's key. Unlike `--key`, other programs cannot see it."),
    ("LMDECODE_BLE_TOKEN", "The machine's Bluetooth token, which other programs cannot see either."),
    ("LMDECODE_CONFIG", "The config.json to use, instead of those under FILES."),
    ("LMDECODE_MQTT_PASSWORD", "The password of `lmdecode bridge` at the MQTT broker."),
    ("LMDECODE_TRACEBACK", "Set to 1, a fault of lmdecode shows where it happened. The text may hold secrets."),
    ("NO_COLOR", "If it is set, nothing is coloured."),
    ("TZ", "The time zone of times that people read."),
)
_FILES: Final = (
    ("./config.json", "The machine's address, key and more; used if it is in the current folder."),
    ("~/.config/lmdecode/config.json", "Otherwise this one, which is also where a new one is made."),
)
_EXIT_CODES: Final = (
    ("0", "Done."),
    ("1", "Failed."),
    ("2", "Wrong usage."),
    ("3", "No connection to the machine."),
    ("130", "Interrupted by Ctrl-C."),
)


def pages() -> dict[str, str]:
    """Returns the text of each page, by the name of its file."""
    program = typer.main.get_command(make_app([]))
    made = {"lmdecode.1": _main_page(program)}
    for name, command in program.commands.items():  # type: ignore[attr-defined]  # it is a group
        made[f"lmdecode-{name}.1"] = _command_page(name, command)
    return made


def _main_page(program: Any) -> str:  # noqa: ANN401 -- Typer's click, wherever that is
    context = _context(program, "lmdecode")
    lines = [*_title("lmdecode"), ".SH NAME", f"lmdecode \\- {_first(program.help)}"]
    lines += [".SH SYNOPSIS", *_synopsis("lmdecode", ["COMMAND", "…"]), ".br", *_synopsis("lmdecode help", ["COMMAND"])]
    lines += [".SH DESCRIPTION", *_prose(program.help), ".SH COMMANDS"]
    for panel, names in PANELS.items():
        lines.append(f".SS {_text(panel)}")
        for name in names:
            lines += [".TP", f".BR lmdecode\\-{_code(name)} (1)", _text(_first(program.commands[name].help))]
    lines += [".SH OPTIONS", *_records(_options(program, context))]
    lines += [".SH EXIT STATUS", *_records(_EXIT_CODES), ".SH ENVIRONMENT", *_records(_ENVIRONMENT)]
    lines += [".SH FILES", *_records(_FILES)]
    return _page(lines)


def _command_page(name: str, command: Any) -> str:  # noqa: ANN401 -- as above
    called = f"lmdecode {name}"
    context = _context(command, called)
    lines = [*_title(f"lmdecode-{name}"), ".SH NAME", f"lmdecode\\-{_code(name)} \\- {_text(_first(command.help))}"]
    lines += [".SH SYNOPSIS"]
    subcommands = getattr(command, "commands", None)
    if subcommands is None:
        lines += _synopsis(called, command.collect_usage_pieces(context))
        lines += [".SH DESCRIPTION", *_prose(command.help)]
        arguments = _arguments(command, context)
        lines += [".SH ARGUMENTS", *_records(arguments)] if arguments else []
        lines += [".SH OPTIONS", *_records(_options(command, context))]
    else:
        lines += _synopsis(called, ["COMMAND", "…"])
        lines += [".SH DESCRIPTION", *_prose(command.help), *_group(called, subcommands)]
    if epilog := getattr(command, "epilog", None):
        lines += [".SH NOTES", *_prose(epilog)]
    else:
        lines += [".SH EXIT STATUS", *_prose("0 done, 1 failed, 2 wrong usage, 3 no connection to the machine.")]
    lines += [".SH SEE ALSO", ".BR lmdecode (1)"]
    return _page(lines)


def _group(called: str, subcommands: dict[str, Any]) -> Iterator[str]:
    """Yields the commands of a group, and what most of them take, once."""
    options = {name: _options(each, _context(each, f"{called} {name}")) for name, each in subcommands.items()}
    counted = Counter(record for records in options.values() for record in records)
    shared = [record for record, times in counted.items() if len(options) > 2 and times > len(options) / 2]
    yield ".SH COMMANDS"
    for name, each in subcommands.items():
        context = _context(each, f"{called} {name}")
        words = " ".join([name, *each.collect_usage_pieces(context)[1:]])
        yield f".SS {_escaped(re.sub(r'[{}]', '', words))}"
        yield from _prose(each.help)
        own = [record for record in options[name] if record not in shared]
        yield from _records([*_arguments(each, context), *own])
    if shared:
        yield ".SH OPTIONS"
        yield from _prose(f"Most of these commands take all of these; `{called} COMMAND --help` lists those of one.")
        yield from _records(shared)


def _context(command: Any, called: str) -> Any:  # noqa: ANN401 -- as above
    return typer.Context(command, info_name=called, help_option_names=["-h", "--help"])


def _options(command: Any, context: Any) -> list[tuple[str, str]]:  # noqa: ANN401 -- as above
    return _of_kind("option", command, context)


def _arguments(command: Any, context: Any) -> list[tuple[str, str]]:  # noqa: ANN401 -- as above
    return _of_kind("argument", command, context)


def _of_kind(kind: str, command: Any, context: Any) -> list[tuple[str, str]]:  # noqa: ANN401 -- as above
    parameters = (each for each in command.get_params(context) if each.param_type_name == kind)
    records = filter(None, (each.get_help_record(context) for each in parameters))
    return [(_plain_value(left), _plain_range(right)) for left, right in records]


def _plain_value(text: str) -> str:
    """What stands for a value, where only its type is known.

    >>> _plain_value("--port <int range>"), _plain_value("--order <files|time>")
    ('--port N', '--order [files|time]')
    """
    text = re.sub(r"<(?:int|float)(?: range)?>|(?:INTEGER|FLOAT)(?: RANGE)?\b", "N", text)
    text = re.sub(r"<(?:str|path)>|\bTEXT\b", "TEXT", text)
    return re.sub(r"<([^<>]*)>", r"[\1]", text)


def _plain_range(text: str) -> str:
    """A range of numbers in words.

    >>> _plain_range("Seconds. [default: 3.0; 0.1<=x<=60]"), _plain_range("[x>=16]")
    ('Seconds. [default: 3.0; 0.1 to 60]', '[at least 16]')
    """
    return re.sub(r"x>=", "at least ", re.sub(r"<=x<=", " to ", text))


# ---- roff


def _page(lines: Iterable[str]) -> str:
    return _HEAD + "\n".join(lines) + "\n"


def _title(name: str) -> Iterator[str]:
    yield f'.TH {_code(name.upper())} 1 "" "lmdecode" "User Commands"'
    yield ".ad l"


def _synopsis(called: str, pieces: Iterable[str]) -> Iterator[str]:
    yield f"\\fB{_code(called)}\\fR {' '.join(map(_words, pieces))}"


def _words(piece: str) -> str:
    """A piece of a usage line: names in italics, brackets and bars as they are. A pair of braces says nothing."""
    piece = re.sub(r"\{([^{}|]*)\}", r"\1", piece)
    return re.sub(r"[\w.…,/:-]+", lambda match: f"\\fI{_code(match[0])}\\fR", piece)


def _records(records: Iterable[tuple[str, str]]) -> Iterator[str]:
    for left, right in records:
        yield ".TP"
        yield re.sub(r"\S+", lambda match: _term(match[0]), left)
        blocks = re.split(r"\n\s*\n", right.strip()) or [""]
        yield _text(" ".join(blocks[0].split())) if blocks[0] else "\\&"
        for block in blocks[1:]:
            yield ".IP"
            yield _text(" ".join(block.split()))


def _term(word: str) -> str:
    """A word of what is explained: in bold if it is typed, in italics if it stands for a value."""
    typed = word.startswith(("-", "~", ".")) or word.isdecimal() or "_" in word
    return f"\\fB{_code(word)}\\fR" if typed else _words(word)


def _prose(text: str) -> Iterator[str]:
    """The paragraphs, lists and examples of a help text."""
    in_code = False
    first = True
    for block in re.split(r"\n[ \t]*\n", text.strip("\n")):
        lines = block.splitlines()
        is_code = all(line.startswith("    ") for line in lines)
        if in_code and not is_code:
            yield from (".EE", ".RE")
        elif is_code and not in_code:
            yield from (".PP", ".RS 4", ".EX")
        in_code = is_code
        if is_code:
            yield from (_guarded(_code(folded)) for line in lines for folded in _folded(line[4:]))
        elif lines[0].lstrip().startswith("- "):
            for item in re.split(r"\n(?=\s*- )", block):
                yield ".IP • 2"
                yield _text(" ".join(item.strip().removeprefix("- ").split()))
        else:
            if not first:
                yield ".PP"
            yield _text(" ".join(block.split()))
        first = False
    if in_code:
        yield from (".EE", ".RE")


def _folded(line: str) -> list[str]:
    r"""An example as lines that a terminal of 80 columns holds, folded as one may type it.

    >>> _folded("lmdecode decode morning.pcap --config config.json --format csv --output morning.csv")
    ['lmdecode decode morning.pcap --config config.json --format csv \\', '    --output morning.csv']
    """
    lines: list[str] = []
    while len(line) > _WIDTH:
        places = [match.start() for match in _FOLD.finditer(line, 8, _WIDTH - 1)]
        at = max((place for place in places if not any(line.count(mark, 0, place) % 2 for mark in "'\"")), default=0)
        if not at:
            break
        lines.append(f"{line[:at]} \\")
        line = f"    {line[at + 1 :]}"
    return [*lines, line]


def _text(text: str) -> str:
    """A paragraph on a line of its own; what is typed in bold."""
    pieces = _INLINE.split(text)
    return _guarded("".join(_typed(piece) if index % 2 else _escaped(piece) for index, piece in enumerate(pieces)))


def _typed(piece: str) -> str:
    """What stands in back quotes or between asterisks, in bold; a name is not hyphenated, or nobody could copy it."""
    inside = piece[1:-1] if piece.startswith("`") else piece[2:-2]
    return " ".join(f"\\fB\\%{_code(word)}\\fR" for word in inside.split(" "))


def _guarded(line: str) -> str:
    """A line that does not begin with what roff takes for an order."""
    return f"\\&{line}" if line[:1] in {".", "'"} else line


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("--", "\\-\\-")


def _code(text: str) -> str:
    """What is typed: hyphens are minus signs, and quotes are straight."""
    for plain, roff in (("\\", "\\e"), ("-", "\\-"), ("'", "\\(aq"), ("`", "\\(ga"), ("^", "\\(ha"), ("~", "\\(ti")):
        text = text.replace(plain, roff)
    return text


def _first(text: str) -> str:
    """The first sentence, which is the summary, without its full stop and its marks."""
    return " ".join(text.partition("\n\n")[0].split()).partition(". ")[0].removesuffix(".").replace("`", "")


def write(folder: Path) -> None:
    """Writes all pages, and removes those of commands that are no more.

    Args:
        folder: The folder of the pages.
    """
    made = pages()
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.1"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER)
