"""What is found over several exchanges, and what is still missing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lmdecode.cloud.extraction import extract
from lmdecode.cloud.findings import Account, Client, Finding, FleetMachine, Problem, Tokens, Trouble
from lmdecode.cloud.http import Exchange

__all__ = ["Collection", "Missing"]


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that was not seen yet."""

    what: str
    advice: str

    def __str__(self) -> str:
        return f"{self.what}: {self.advice}"


@dataclass(slots=True)
class Collection:
    """All that was found; newer findings of the same thing count more."""

    client: Client | None = None
    account: Account | None = None
    tokens: Tokens | None = None
    machines: list[FleetMachine] = field(default_factory=list)
    """Each once, in the cloud's order."""

    def add(self, exchange: Exchange) -> list[Finding | Problem]:
        """Take what an exchange has; what of it is new, and what is wrong."""
        news: list[Finding | Problem] = []
        for each in extract(exchange):
            if isinstance(each, Problem):
                news.append(each)
            else:
                news += self._take(each)
        return news

    @property
    def keyed(self) -> list[FleetMachine]:
        """The machines whose key is known."""
        return [machine for machine in self.machines if machine.key]

    @property
    def anything(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.client or self.account or self.keyed)

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing()

    def missing(self) -> list[Missing]:
        """What was not seen yet, and what to do about it."""
        login: list[Client | Account] = [self.client or Client(None, None), self.account or Account(None, None)]
        names = [name for part in login for name, secret in part.secrets().items() if not secret]
        missing = [Missing(_listed(names), "log out and in again in the app")] if names else []
        if not self.keyed:
            advice = "open the machine's page in the app"
            missing.append(Missing("key of the machine", f"{advice}, or log out and in again" if not names else advice))
        return missing

    def _take(self, finding: Finding) -> list[Finding | Problem]:
        match finding:
            case Client():
                before, self.client = self.client, finding.over(self.client)
                return _news(before, self.client)
            case Account():
                known, self.account = self.account, finding.over(self.account)
                return _news(known, self.account)
            case Tokens():  # other ones each time, which is nothing to wonder about
                new = self.tokens is None or self.tokens.access_token != finding.access_token
                self.tokens = finding
                return [finding] if new else []
            case FleetMachine():
                return self._take_machine(finding)

    def _take_machine(self, machine: FleetMachine) -> list[Finding | Problem]:
        for index, known in enumerate(self.machines):
            same = known.serial_number == machine.serial_number if machine.serial_number else known.key == machine.key
            if same:
                self.machines[index] = machine if machine.key else replace(machine, key=known.key)
                return _news(known, self.machines[index])
        self.machines.append(machine)
        return [machine]


def _news(before: Finding | None, now: Finding) -> list[Finding | Problem]:
    if before == now:
        return []
    known = {name: secret for name, secret in before.secrets().items() if secret} if before else {}
    changed = [name for name, secret in now.secrets().items() if name in known and known[name] != secret]
    if not changed:
        return [now]
    text = f"the {_listed(changed)} differs from what was found before; the newer counts"
    return [now, Problem(Trouble.CHANGED, text)]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
