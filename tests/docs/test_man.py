"""The manual pages are up to date, and right for those who show them."""

from __future__ import annotations

import doctest
import importlib.util
import re
import shutil
import subprocess

import pytest

from tests.docs.pages import ROOT

_spec = importlib.util.spec_from_file_location("make_man", ROOT / "docs" / "make_man.py")
make_man = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_man)

MAN = ROOT / "man"


@pytest.fixture(scope="module")
def made():
    return make_man.pages()


def test_the_pages_are_up_to_date(made):
    kept = {path.name: path.read_text(encoding="utf-8") for path in MAN.iterdir()}
    assert sorted(kept) == sorted(made)
    changed = [name for name, text in made.items() if text != kept[name]]
    assert changed == [], "run `make docs`"


def test_the_examples_of_the_script():
    failed, tried = doctest.testmod(make_man)
    assert not failed
    assert tried


def test_each_option_is_on_the_page_of_its_command(made):
    text = made["lmdecode-decode.1"].replace("\\", "")
    for option in ("--where", "--format", "--json", "--output", "--show-secrets", "--help"):
        assert f"fB{option}fR" in text
    assert "lmdecode-decode (1)" in made["lmdecode.1"].replace("\\", "")


def test_no_line_is_an_order_that_nobody_gave(made):
    orders = {line.split()[0] for text in made.values() for line in text.splitlines() if line.startswith(".")}
    assert orders <= {".TH", ".SH", ".SS", ".TP", ".IP", ".PP", ".RS", ".RE", ".EX", ".EE", ".BR", ".br", ".ad", '.\\"'}


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_has_nothing_to_say(made, tmp_path):
    for name, text in made.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    shown = subprocess.run(
        ["groff", "-ww", "-k", "-Tutf8", "-man", "-rLL=80n", *sorted(made)],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert shown.stderr == ""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.stdout)
    assert "lmdecode decode morning.pcap" in plain
    examples = [line for line in plain.splitlines() if line.startswith(" " * 11 + "lmdecode ")]
    assert len(examples) > 40
    assert [line for line in examples if len(line) > 80] == []
