"""The report of the sample day, and a browser to look at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import CAPTURES, Command
from tests.render.report.browser import Page, browsing

DRAWN = """(id) => [...document.getElementById(id).parentElement.querySelectorAll(`#${id}, #${id} canvas`)]
    .filter((each) => each.tagName === "CANVAS").map((canvas) => {
        const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const pixels = new Uint32Array(image.data.buffer);
        const colours = new Map();
        for (const pixel of pixels) colours.set(pixel, (colours.get(pixel) ?? 0) + 1);
        return [...colours].filter(([pixel, count]) => pixel && count > 30).length;
    })"""
"""A function of a page's script: how many colours each canvas of an element has."""


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    arguments = ["report", CAPTURES / "gs3av-day.pcapng.zst", "--config", CAPTURES / "config.json"]
    result = Command(folder)(*arguments, "-o", "report.html")
    assert result.returncode == 0, result.stderr
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(browser: Page) -> Iterator[Page]:
    """The browser, with nothing left of the test before."""
    browser.size(1280, 900)
    browser("Emulation.setTouchEmulationEnabled", enabled=False)
    browser("Emulation.setEmulatedMedia", media="")
    browser.prefer("light")
    browser("Emulation.setTimezoneOverride", timezoneId="UTC")
    browser("Page.navigate", url="about:blank")
    browser.wait("location.href === 'about:blank'")
    browser.complaints.clear()
    browser.requests.clear()
    yield browser
    assert browser.complaints == []
    assert [url for url in browser.requests if not url.startswith(("file:", "about:"))] == []
