"""Every regular expression of the package takes time in proportion to the text, whatever the text is.

The calls of `re` are found in the source, so that none is forgotten, in functions as well. What a pattern has to bear
is made of the pattern itself: as far as it matches, pumped wherever it repeats something, and then spoilt.
"""

from __future__ import annotations

import ast
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest

import lmdecode

try:
    from re import _constants as constants
    from re import _parser as parser
except ImportError:  # another Python may have them elsewhere
    pytest.skip("the parser of patterns is not there", allow_module_level=True)

ROOT = Path(lmdecode.__file__).parent
FILES = sorted(
    path for path in ROOT.rglob("*.py") if re.search(r"^\s*import re$", path.read_text("utf-8"), re.MULTILINE)
)
USES = ("match", "search", "fullmatch", "sub", "finditer", "findall", "split")
SIZE = 3_000  # characters
LARGER = 20  # times as many, for patterns that are so fast that the square of a few is nothing
FAST = 0.0003  # seconds in which a pattern is done with `SIZE` if it takes few steps for each character
SLOW = 0.2  # seconds that no load makes of it
SOUP = ["\0", "!", "é", "\n"]  # what spoils a match
FILLINGS = [" ", "0", "a", "\\", "[", ".", "\n", "a1 ", "=;", "%41", "<a ", "&#1"]


class Call(NamedTuple):
    """A pattern as a file has it."""

    line: int
    pattern: re.Pattern
    uses: tuple[str, ...]


def calls(path: Path) -> Iterator[Call]:
    """The patterns of a file."""
    source = path.read_text("utf-8")
    tree = ast.parse(source)
    names = vars(import_module(".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")))
    made: dict[int, list[re.Pattern]] = {}
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.")):
            continue
        use = ast.unparse(node.func).removeprefix("re.")
        if use == "escape":
            continue
        assert use == "compile" or use in USES, f"{path}:{node.lineno}: re.{use}"
        uses = tuple(uses_of(node, use, parents, source))
        try:
            text = eval(compile(ast.Expression(node.args[0]), path.name, "eval"), {**names})
        except NameError:  # its parts are arguments of a function, or of a loop
            made = made or made_by(path, source, names)
            made[node.lineno] = made[node.lineno] or made_later(path.name, ast.unparse(node.args[0]), names)
            assert made[node.lineno], f"{path}:{node.lineno} makes no pattern while it is imported"
            yield from (Call(node.lineno, pattern, uses) for pattern in made[node.lineno])
            continue
        flags = [*node.args[{"compile": 1, "sub": 3}.get(use, 2) :], *(each.value for each in node.keywords)]
        yield Call(node.lineno, re.compile(text, *(eval(ast.unparse(flag), {**names}) for flag in flags)), uses)


def made_later(name: str, text: str, names: dict[str, object]) -> list[re.Pattern]:
    """The patterns that a file makes of what it is given later: of phrases of logs, of secrets that were found."""
    if name == "json_log.py":
        logs = [import_module(f"lmdecode.codec.{each}.log").Log for each in ("bluetooth", "cloud1", "lion", "v3")]
        return [re.compile(eval(text, {**names, "self": log})) for log in logs]
    if name == "values.py":
        found = ["MR012345", "owner@example.com", "5f1d7a0c93b2e844" * 4, r"a\"b\\ c", "ab", "a" * 9]
        return [re.compile(eval(text, {**names, "found": found}))]
    return []


def made_by(path: Path, source: str, names: dict[str, object]) -> dict[int, list[re.Pattern]]:
    """The patterns that a file makes while it is imported, by the line that makes them."""
    made: dict[int, list[re.Pattern]] = defaultdict(list)
    really = re.compile

    def noted(*arguments: object) -> re.Pattern:
        pattern, frame = really(*arguments), sys._getframe(1)
        if frame.f_code.co_filename == str(path):
            made[frame.f_lineno].append(pattern)
        return pattern

    again = {name: names[name] for name in ("__name__", "__package__", "__file__")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(re, "compile", noted)
        exec(compile(source, str(path), "exec"), again)
    return made


def uses_of(node: ast.Call, use: str, parents: dict[ast.AST, ast.AST], source: str) -> list[str]:
    """What is done with a pattern: searched, or only matched at one place."""
    if use != "compile":
        return [use]
    parent = parents[node]
    if isinstance(parent, ast.Attribute):
        return [parent.attr]
    while not isinstance(parent, ast.Assign | ast.AnnAssign):
        parent = parents[parent]
    target = parent.targets[0] if isinstance(parent, ast.Assign) else parent.target
    name = re.escape(ast.unparse(target))
    found = set(re.findall(rf"\b{name}(?:\[\w+\])?\.({'|'.join(USES)})\b", source))
    found = found or set(re.findall(rf"\bpattern\.({'|'.join(USES)})\b", source))  # one of a table
    return sorted(found) or ["match", "search"]


def hostile(pattern: re.Pattern, size: int) -> Iterator[str]:
    """Texts that a pattern has to bear, each of about so many characters."""
    tree = list(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))
    for before, pumped in pumps(tree):
        yield from (before + pumped * (size // max(1, len(pumped))) + end for end in SOUP)
        yield (before + pumped * 50) * (size // (len(before) + 50 * len(pumped) + 1)) + SOUP[0]
        for beginning in filter(None, (before, before + pumped)):
            yield beginning * (size // len(beginning)) + SOUP[0]
    whole = sample(tree)
    for beginning in dict.fromkeys((whole, whole[:-1], whole[: len(whole) // 2], "")):
        if beginning:
            yield beginning * (size // len(beginning)) + SOUP[0]
        yield from (beginning + filling * (size // len(filling)) + SOUP[0] for filling in FILLINGS)


def pumps(nodes: list, before: str = "") -> Iterator[tuple[str, str]]:
    """For each repetition in a pattern what comes before it, and what it repeats."""
    for kind, value in nodes:
        if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            inner = list(value[2])
            yield from pumps(inner, before)
            if value[1] > 1:
                yield before, sample(inner) or "a"
        elif kind is constants.SUBPATTERN:
            yield from pumps(list(value[3]), before)
        elif kind is constants.BRANCH:
            for branch in value[1]:
                yield from pumps(list(branch), before)
        elif kind is constants.ATOMIC_GROUP:
            yield from pumps(list(value), before)
        before += sample([(kind, value)])


def sample(nodes: list) -> str:
    """A short text that a pattern matches, more or less."""
    text = ""
    for kind, value in nodes:
        if kind is constants.LITERAL:
            text += chr(value)
        elif kind is constants.IN:
            text += one_of(value)
        elif kind in (constants.ANY, constants.NOT_LITERAL):
            text += "a"
        elif kind in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            text += sample(list(value[2])) * max(value[0], 1)
        elif kind is constants.SUBPATTERN:
            text += sample(list(value[3]))
        elif kind is constants.BRANCH:
            text += sample(list(value[1][0]))
        elif kind is constants.ATOMIC_GROUP:
            text += sample(list(value))
    return text


def one_of(choices: list) -> str:
    compiled = {constants.CATEGORY_DIGIT: "0", constants.CATEGORY_SPACE: " ", constants.CATEGORY_WORD: "a"}
    if choices[0][0] is constants.NEGATE:
        taken = {value for kind, value in choices[1:] if kind is constants.LITERAL}
        ranges = [value for kind, value in choices[1:] if kind is constants.RANGE]
        free = (each for each in " -a0=\x07é" if ord(each) not in taken)
        return next((each for each in free if not any(low <= ord(each) <= high for low, high in ranges)), "é")
    kind, value = choices[0]
    if kind is constants.LITERAL:
        return chr(value)
    return chr(value[0]) if kind is constants.RANGE else compiled.get(value, "!")


def seconds(pattern: re.Pattern, use: str, text: str | bytes) -> float:
    """How long a pattern takes for a text."""
    begin = time.thread_time()
    if use == "sub":
        pattern.sub(text[:0], text)
    elif use == "finditer":
        for _ in islice(pattern.finditer(text), len(text)):
            pass
    else:
        getattr(pattern, use)(text)
    return time.thread_time() - begin


def is_linear(pattern: re.Pattern, use: str, text: str | bytes, larger: str | bytes) -> bool:
    """Whether twice as much takes about twice as long; asked again where something else took time."""
    if seconds(pattern, use, text[: SIZE // 8]) > SLOW:  # worse than quadratic: all of it would take forever
        return False
    if seconds(pattern, use, text) < FAST:
        if seconds(pattern, use, larger) < FAST * LARGER:
            return True
        text = larger
    half = text[: len(text) // 2] + text[-1:]
    for _ in range(5):
        once, twice = (min(seconds(pattern, use, each) for _ in range(2)) for each in (half, text))
        if twice < 2.8 * once:
            return True
        if twice > SLOW:
            break
    return False


def worst(pattern: re.Pattern, use: str) -> str | None:
    """The first text that a pattern does not take linear time for, or the beginning of it."""
    for text, larger in dict.fromkeys(zip(hostile(pattern, SIZE), hostile(pattern, SIZE * LARGER), strict=True)):
        is_bytes = isinstance(pattern.pattern, bytes)
        texts = (each.encode("utf-8", "surrogateescape") if is_bytes else each for each in (text, larger))
        if not is_linear(pattern, use, *texts):
            return text[:60]
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_pattern_is_linear(path):
    pytest.importorskip("mitmproxy") if "mitm" in path.parts else None
    found = list(calls(path))
    assert found
    for call in found:
        for use in call.uses:
            text = worst(call.pattern, use)
            assert text is None, f"{path.name}:{call.line}: {use}({text!r}…)"


@pytest.mark.parametrize(
    ("pattern", "use"),
    [
        (r"\bMessage=[^,]*, Data=", "search"),
        (r"lmdirect.*\bSending ", "search"),
        (r"\s*(.*?)\s*\Z", "match"),
        (r"\s+\Z", "search"),
        (r"<[^>]*>", "sub"),
    ],
)
def test_a_pattern_that_is_not_is_found(pattern, use):
    # A moment in which the computer is slow can make twice as much look like twice as long; three in a row are rare.
    assert any(worst(re.compile(pattern), use) is not None for _ in range(3))
