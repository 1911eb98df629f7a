"""`lmdecode doctor`: what is installed, found and missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from lmdecode.app.doctor.finding import Finding


@reports_errors
def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what is installed and what is missing on this computer, with the command that mends each problem.

    Examples:

        lmdecode doctor

        lmdecode doctor --json

    It checks Python, the extras, the programs that record, config.json, the environment, the rights to record,
    Bluetooth, the ports of `harvest`, the time zone and the terminal. It changes nothing, asks no machine, and shows no
    secret and no value of a variable, so its output can be sent to others. Only some commands need what is missing. The
    exit code is 1 only if something that is installed is broken.
    """
    from lmdecode.app.doctor import examine, is_broken

    groups = examine(config, terminal=_terminal)
    broken = is_broken(groups)
    if as_json:
        findings = [
            {"group": group.title, **{name: value for name, value in vars(finding).items() if value}}
            for group in groups
            for finding in group.findings
        ]
        echo_json({"broken": broken, "findings": findings}, ascii_only=True)
    else:
        from lmdecode.render.doctor import print_findings
        from lmdecode.render.terminal import TerminalConsole

        print_findings([(group.title, group.findings) for group in groups], TerminalConsole())
        missing = sum(finding.state == "missing" for group in groups for finding in group.findings)
        wrong = sum(finding.state == "broken" for group in groups for finding in group.findings)
        echo("", f"{missing} missing, {wrong} broken. Only some commands need what is missing.")
    if broken:
        raise typer.Exit(1)


def _terminal() -> list[Finding]:
    """Returns the findings of the terminal."""
    import sys

    from lmdecode.app.doctor.finding import Finding, State
    from lmdecode.render.terminal import TerminalConsole

    encoding = (sys.stdout.encoding or "unknown").lower()
    console = TerminalConsole(least_width=1)
    where = f"{console.width} columns" if sys.stdout.isatty() else "output goes to a file or a program"
    findings = [Finding("terminal", State.OK, f"{where}, {console.color_system or 'no'} colours, {encoding}")]
    if encoding.replace("-", "") != "utf8":
        text = f"{encoding} has not all of the characters, and ? stands for those that it lacks"
        findings.append(Finding("encoding", State.NOTE, text, "export PYTHONUTF8=1"))
    return findings
