"""What the README shows is what the commands print."""

from __future__ import annotations

import doctest
import re
import sys
from pathlib import Path

import pytest

from tests.docs.examples import differs, examples, run
from tests.docs.pages import PAGES, ROOT, text_of

README = text_of("README.md")
SESSIONS = [example for example in examples(README) if example.shown is not None]


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.command)
def test_a_session_is_what_is_printed(session):
    ran = run(session.command, ROOT, terminal=False)
    assert ran.code == 0
    assert differs(session.shown, ran.printed) is None


def test_there_are_sessions():
    assert len(SESSIONS) >= 7


def test_the_demo_is_shown_as_it_is():
    shown = re.search(r"^`make demo`.*?^```text\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[1]
    without_set_up = f"make --no-print-directory demo READY= BIN={Path(sys.executable).parent}"
    ran = run(without_set_up, ROOT, terminal=False)
    assert ran.code == 0
    assert differs(shown, ran.printed) is None
    assert len(ran.printed.splitlines()) < 36
    assert "<title>" in (ROOT / "build" / "day.html").read_text(encoding="utf-8")


def test_the_python_examples_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    examples = doctest.DocTestParser().get_doctest(README, {}, "README.md", "README.md", 0)
    assert len(examples.examples) >= 4
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_every_link_into_the_project_leads_somewhere():
    for page in ("README.md", *PAGES):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", text_of(page)):
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"
