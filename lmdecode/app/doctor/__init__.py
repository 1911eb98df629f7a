"""What is installed, found and missing on this computer, each with the command that mends it.

One module a group of findings: `packages` (Python, lmdecode, the extras), `programs` (Wireshark's and others), `owner`
(config.json and the environment), `bluetooth` (the radio), `surroundings` (rights, ports, time zone). They look and
change nothing, and no finding holds a secret: what a user sends to others when something does not work is the output
of this.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lmdecode.app.doctor.finding import Finding, Group, State


def examine(config: Path | None, *, terminal: Callable[[], list[Finding]] = list) -> list[Group]:
    """Returns all findings, in groups.

    Args:
        config: The configuration that the user named; None: the one that is found.
        terminal: Returns the findings of the terminal, which only the command has.
    """
    from lmdecode.app.doctor.bluetooth import bluetooth
    from lmdecode.app.doctor.owner import configuration, variables
    from lmdecode.app.doctor.packages import extras, package
    from lmdecode.app.doctor.programs import programs
    from lmdecode.app.doctor.surroundings import capturing, ports, time_zone

    return [
        Group("lmdecode", package()),
        Group("extras", extras()),
        Group("recording and Wireshark", [*capturing(), *programs()]),
        Group("your machines", [*configuration(config), *variables()]),
        Group("this computer", [*bluetooth(), *ports(), *time_zone(), *terminal()]),
    ]


def is_broken(groups: list[Group]) -> bool:
    """Returns True if something that is installed does not work."""
    return any(finding.state is State.BROKEN for group in groups for finding in group.findings)
