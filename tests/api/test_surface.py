"""What `import lmdecode` offers is what docs/api.md says, typed, and loaded when it is used."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lmdecode

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"```pycon\n(.*?)```", re.DOTALL)


def python(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60, check=True
    ).stdout


def test_the_page_has_all_names_and_no_others():
    headings = {name for line in re.findall(r"^##+ (.*)$", PAGE, re.MULTILINE) for name in line.split(" and ")}
    errors = set(re.findall(r"^\| `(\w+Error)` \|", PAGE, re.MULTILINE))
    assert (headings | errors) - {"Keys", "errors"} == set(lmdecode.__all__)


def test_the_examples_of_the_page_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    examples = doctest.DocTestParser().get_doctest(PAGE, {}, "api.md", "api.md", 0)
    assert len(examples.examples) >= 25
    output: list[str] = []
    assert doctest.DocTestRunner().run(examples, out=output.append).failed == 0, "".join(output)


def test_nothing_is_loaded_before_it_is_used(monkeypatch):
    monkeypatch.delenv("LMDECODE_WITHOUT", raising=False)
    loaded = python("-c", "import sys, lmdecode; print(*(name for name in sys.modules if name.startswith('lmdecode')))")
    assert loaded.split() == ["lmdecode"]
    heavy = "import sys, lmdecode; lmdecode.decode, lmdecode.to_polars, lmdecode.Record\nprint(*sys.modules)"
    assert {"scapy", "polars", "pyarrow", "mitmproxy", "typer"}.isdisjoint(python("-c", heavy).split())


def test_every_name_is_there_and_documented():
    for name in lmdecode.__all__:
        each = getattr(lmdecode, name)
        assert inspect.isclass(each) or callable(each) or name.isupper(), name
        assert (inspect.getdoc(each) or "").strip(), name
    assert set(lmdecode.__all__) <= set(dir(lmdecode))
    assert lmdecode.__all__ == sorted(lmdecode.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name))


def test_a_name_that_is_not_there_is_none():
    with pytest.raises(AttributeError, match="module 'lmdecode' has no attribute 'decoed'"):
        _ = lmdecode.decoed


def test_what_type_checkers_read_is_what_is_loaded():
    tree = ast.parse(Path(lmdecode.__file__).read_text(encoding="utf-8"))
    imported = {
        node.module: {alias.name for alias in node.names} for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }
    homes = {home: set(names) for home, names in lmdecode._HOMES.items()}
    assert homes == {home: names for home, names in imported.items() if home and home.startswith("lmdecode.")}
    assert set().union(*homes.values()) == set(lmdecode.__all__)


def test_a_users_program_is_type_checked(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import lmdecode\n"
        "from collections.abc import Iterator\n"
        "records = lmdecode.decode('x', key='k')\n"
        "record: lmdecode.Record = next(iter(records))\n"
        "machine = lmdecode.Machine('host')\n"
        "heard: Iterator[lmdecode.Record] = machine.records(seconds=1)\n"
        "wrong: int = machine.status()\n"
        "lmdecode.decoed\n",
        encoding="utf-8",
    )
    config = tmp_path / "mypy.ini"  # the types of others take seconds to read
    config.write_text("[mypy]\n[mypy-polars.*,rich.*,scapy.*,pyarrow.*,Crypto.*]\nfollow_imports = skip\n")
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", "--config-file", config, program],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=110,
        check=False,
    )
    complaints = [line for line in result.stdout.splitlines() if line.startswith(str(program))]
    assert len(complaints) == 2, result.stdout
    assert 'variable has type "int"' in complaints[0]
    assert 'Module has no attribute "decoed"' in complaints[1]


@pytest.mark.parametrize("name", [each for each in vars(lmdecode.Machine) if not each.startswith("_")])
def test_both_machines_take_the_same(name):
    plain, awaited = inspect.getattr_static(lmdecode.Machine, name), getattr(lmdecode.AsyncMachine, name)
    if not isinstance(plain, property):
        assert inspect.signature(plain).parameters == inspect.signature(awaited).parameters
    assert inspect.signature(lmdecode.Machine).parameters == inspect.signature(lmdecode.AsyncMachine).parameters
    public = {each for each in vars(lmdecode.AsyncMachine) if not each.startswith("_")}
    assert public == {each for each in vars(lmdecode.Machine) if not each.startswith("_")}
