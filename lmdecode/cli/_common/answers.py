"""What a shell is answered that completes: a line for each value that may be meant.

In bash a line is the value as it stands on a command line, in zsh `value:what it is`, in fish both with a tab between
them; a value that explains itself stands alone. `:files` alone says that the shell completes files. Only the command
that is named is loaded, and the list of commands is given without loading any. Whatever goes wrong, the answer is
empty: a shell that completes has no place for a complaint.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import starmap
from pathlib import Path
from typing import Any, Final, NamedTuple

ASKED: Final = "_LMDECODE_COMPLETE"
"""The environment variable in which a script says which shell asks."""
_LINE: Final = "_LMDECODE_LINE"
_FILES: Final = ":files"
_BREAKS: Final = re.compile(r"[=:]")  # where bash begins a new word, though it is ours to know where a word begins
_SHELLS: Final = ("bash", "zsh", "fish")
_QUOTES: Final = "'\""
_SPECIAL: Final = re.compile(r"([^\w@%+=:,./-])", re.ASCII)
_PATHS: Final = {"path", "file", "directory", "filename"}  # the types of parameters that are files
_MOST: Final = 90  # characters of what a value is


class Value(NamedTuple):
    """A value that may be meant."""

    text: str
    about: str = ""


def answer() -> None:
    """Prints what the shell asked for in the environment. Nothing that goes wrong is said."""
    try:
        shell = os.environ.get(ASKED, "")
        if shell in _SHELLS and _LINE in os.environ:
            lines = [*_lines(shell, os.environ[_LINE])]
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            sys.stdout.flush()
    except Exception:  # noqa: BLE001 -- a shell that completes has no place for a complaint
        return


def _lines(shell: str, line: str) -> Iterator[str]:
    words, incomplete, quoted = _parted(line)
    found = values(words, incomplete)
    if found is None:
        yield _FILES
        return
    behind = len(incomplete) - len(quoted[1:]) if quoted else _last_break(incomplete)
    for text, about in found:
        if not text.isprintable() or not text.startswith(incomplete):
            continue
        summary = about[:_MOST].replace("\t", " ") if about.isprintable() else ""
        if shell == "bash":
            yield text[behind:] if quoted else _SPECIAL.sub(r"\\\1", text[behind:])
        elif shell == "zsh":
            yield re.sub(r"([\\:])", r"\\\1", text) + (f":{summary}" if summary else "")
        else:
            yield f"{text}\t{summary}" if summary else text


def values(words: Sequence[str], incomplete: str) -> list[Value] | None:
    """Returns what may be meant by a word that is being typed; None if it is a file.

    Args:
        words: The words before it, without the program's name.
        incomplete: What is typed of it, without quotes.
    """
    from lmdecode.cli.app import COMMANDS, make_app

    if [*words] in ([], ["help"]) and not incomplete.startswith("-"):
        listed = {name: _summary(where) for name, where in COMMANDS.items() if name.startswith(incomplete)}
        return [*starmap(Value, listed.items()), *([] if words else [Value("help", "Explain a command")])]
    if words[:1] == ["help"]:
        is_group = len(words) == 2 and COMMANDS.get(words[1], "").endswith(":app")
        return values(words[1:], incomplete) if is_group else []
    if words and words[0] not in COMMANDS and not words[0].startswith("-"):
        return []
    import typer.main

    from lmdecode._startup import load_cipher

    load_cipher()  # some commands load it
    command = typer.main.get_command(make_app(words if words and words[0] in COMMANDS else [next(iter(COMMANDS))]))
    # The module of Typer's click, which is its own or the one that is installed.
    click = next(each for each in type(command).__mro__ if each.__name__ == "Command").__module__.rpartition(".")[0]
    shell_completion = import_module(f"{click}.shell_completion")
    _mark_files(command, shell_completion.CompletionItem)
    # Of click's class only the search is used; what a subclass must have besides, words in and lines out, is above.
    unused = dict.fromkeys(("source_vars", "get_completion_args", "format_completion"))
    search = type("_Search", (shell_completion.ShellComplete,), unused)(command, {}, "lmdecode", "")
    items = search.get_completions([*words], incomplete)
    if any(item.type == "file" for item in items):
        return None
    option = f"{incomplete.partition('=')[0]}=" if incomplete.startswith("--") and "=" in incomplete else ""
    group: Any = getattr(command, "commands", {}).get(words[0] if words else "")
    of_a_group = getattr(group, "commands", {})
    if of_a_group and len(words) > 1 and not words[1].startswith("-") and group.get_command(None, words[1]) is None:
        return []
    further: list[str] = getattr(group, "further_names", list)() if len(words) == 1 and incomplete[:1].isalpha() else []
    return [
        Value(f"{option}{item.value}", _plain(getattr(of_a_group.get(item.value), "help", None) or item.help or ""))
        for item in items
    ] + [Value(name) for name in further if name.startswith(incomplete)]


def _mark_files(command: Any, item: Any) -> None:  # noqa: ANN401 -- Typer's click, wherever that is
    """Has parameters that are files say so. Typer has them say nothing, which is what words without a value say too."""
    for each in getattr(command, "commands", {}).values():
        _mark_files(each, item)
    for parameter in command.params:
        if parameter.type.name in _PATHS:
            parameter.type.shell_complete = lambda _ctx, _param, incomplete: [item(incomplete, type="file")]


def _parted(line: str) -> tuple[list[str], str, str]:
    """Takes a command line apart.

    Returns:
        The whole words, without assignments and the program's name; the word at the end, without its quotes; and what
        is typed from the quote on that is still open, "" if none is.

    >>> _parted("LMDECODE_KEY=x lmdecode decode 'a b' --wh")
    (['decode', 'a b'], '--wh', '')
    >>> _parted("lmdecode shots 'my f")
    (['shots'], 'my f', "'my f")
    """
    lexer = shlex.shlex(f"{line}\0", posix=True)  # the end of the last word, also of one that is empty
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    quoted = ""
    try:
        words.extend(lexer)
    except ValueError:  # a quote is open
        words.append(lexer.token)
        state = getattr(lexer, "state", None)
        if state and state in _QUOTES:
            quoted = line[line.rindex(state) :]
    while words and re.match(r"\w+=", words[0]):
        del words[0]
    return words[1:-1], words[-1].rstrip("\0"), quoted


def _last_break(text: str) -> int:
    """Returns where the last piece of a word begins that bash has as a word of its own."""
    return max((match.end() for match in _BREAKS.finditer(text)), default=0)


def _summary(where: str) -> str:
    """Returns the first line of a command's help, out of its source: to load all commands takes ten times as long."""
    module, _, function = where.partition(":")
    source = Path(__file__).parents[1].joinpath(f"{module}.py").read_text(encoding="utf-8")
    _, of_a_command, rest = source.partition(f"\ndef {function}(")
    if of_a_command:  # Typer shows the docstring
        return _plain(rest.partition(" -> None:\n")[2].partition('"""')[2].partition('"""')[0])
    group = source.partition(f"\n{function} = typer.Typer(")[2]
    return _plain(group.partition('help="')[2].partition('"')[0])


def _plain(text: str) -> str:
    """Returns the first sentence of a help text, without its marks."""
    line = " ".join(text.partition("\n\n")[0].split()).replace("`", "")
    return line.partition(". ")[0].removesuffix(".")
