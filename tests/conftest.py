"""For all tests: how hypothesis runs, what coverage leaves out, and a run in which nothing may be skipped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import is_hypothesis_test, settings

from lmdecode import _parts

settings.register_profile("lmdecode", deadline=None)
settings.register_profile("ci", parent=settings.get_profile("lmdecode"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "lmdecode")


@pytest.fixture
def without() -> Iterator[Callable[[str], None]]:
    """Does without what is there for speed, as `LMDECODE_WITHOUT` does, until the end of the test."""
    before = ",".join(filter(_parts.is_off, _parts.PARTS))
    yield _parts.do_without
    _parts.do_without(before)


@pytest.fixture
def with_all_parts(without: Callable[[str], None]) -> None:
    """For tests of what is there for speed: it is on, also where the other tests run without."""
    without("")


class NoSkips:
    """Fails a run in which a test was skipped.

    Under pytest-xdist it works in the controlling process, to which the workers send their reports.
    """

    def __init__(self) -> None:
        self.skipped: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        if self.skipped and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.skipped:
            return
        terminalreporter.section("skipped, though LMDECODE_NO_SKIPS=1", red=True, bold=True)
        for name, reason in self.skipped.items():
            terminalreporter.line(f"{name}: {reason}", red=True)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        longrepr = report.longrepr
        reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
        self.skipped[report.nodeid] = reason.removeprefix("Skipped: ")


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("LMDECODE_NO_SKIPS") == "1" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(NoSkips(), "lmdecode-no-skips")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure no coverage while a property test runs.

    Tracing nearly doubles the time of such a test, which runs the same lines a hundred times. Tests with examples reach
    nearly all of these lines as well.
    """
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker("no_cover")
