"""The page of `lmdecode harvest` in any room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.render.harvest_page import HarvestPage, Step, page_lines

TODO = [
    "Phone, settings of this Wi-Fi, proxy, manual: server 192.168.1.20, port 8080",
    "Open http://192.168.1.20:8081/ there; install and trust the certificate",
    "In La Marzocco's app, log out and in again",
    "",
    "",
]
NAMES = ["the phone uses the proxy", "the app trusts the certificate", "client", "user name and password", "key"]
OLD = "the app logs in… (from 192.168.1.33)"
VITAL = (
    "the app does not trust this proxy's certificate for cms.lamarzocco.io: on the phone, open "
    "http://192.168.1.20:8081/, install its certificate and trust it; Android apps accept it from a rooted phone or an "
    "emulator only: see lmdecode harvest --help"
)
NOTE = "Listens on 192.168.1.20 only, ports 8080 (proxy) and 8081 (page), for 30 minutes."
CODE = "\n".join(["█▀▄ █" * 6] * 15)


def page(done: int = 1, said: tuple[str, ...] = (OLD, VITAL)) -> HarvestPage:
    steps = [Step(name, number < done, todo) for number, (name, todo) in enumerate(zip(NAMES, TODO, strict=True))]
    return HarvestPage(steps, [NOTE], CODE, said)


def words(lines: list[object]) -> str:
    return " ".join(" ".join(map(str, lines)).split())


@given(width=st.integers(50, 200), height=st.integers(15, 60), done=st.integers(0, 5))
def test_what_matters_now_is_never_cut(width: int, height: int, done: int) -> None:
    lines = page_lines(page(done), width, height)
    assert len(lines) <= height
    assert max(line.cell_len for line in lines) <= width
    shown = words([*lines])
    assert VITAL in shown
    for number in range(done, 5):
        assert height < 18 or f"☐ {NAMES[number]}" in shown
        assert not TODO[number] or f"{number + 1} {TODO[number]}" in shown


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 3), (20, 8), (300, 2)])
def test_any_room_will_do(width: int, height: int) -> None:
    lines = page_lines(page(), width, height)
    assert len(lines) <= height


def test_with_room_all_of_it_is_there() -> None:
    lines = page_lines(page(), 100, 40)
    shown = words([*lines])
    for text in (*filter(None, TODO), NOTE, OLD, VITAL, "✔ the phone uses the proxy"):
        assert text in shown
    assert sum("█▀▄" in line.plain for line in lines) == 15


def test_the_code_is_left_out_before_anything_is_cut() -> None:
    assert not any("█" in line.plain for line in page_lines(page(), 100, 23))
    assert not any("█" in line.plain for line in page_lines(page(), 29, 60))


def test_what_is_done_goes_first() -> None:
    shown = words([*page_lines(page(done=2), 50, 14)])
    assert TODO[0] not in shown
    assert TODO[2] in shown


def test_a_terminal_with_ascii_alone_gets_it() -> None:
    lines = page_lines(page(said=("plain",)), 80, 40, ascii_only=True)
    assert all(line.plain.isascii() for line in lines)
    assert "[x] the phone uses the proxy" in words([*lines])
    assert "[ ] key" in words([*lines])
