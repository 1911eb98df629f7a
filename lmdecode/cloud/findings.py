"""The findings in the traffic with the cloud. Secrets have a type that does not show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from lmdecode.codec.record import MASK

AGAIN: Final = "log out and in again in the app"
"""What nearly always helps: the app then sends everything once more."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A text that shows itself only to those who ask.

    >>> secret = Secret("hush")
    >>> secret, f"{secret}", secret.reveal()
    (Secret(**), '**', 'hush')
    """

    _text: str

    def reveal(self) -> str:
        """The text itself. Ask for it only to store it where the owner said, or to show it when the owner asked."""
        return self._text

    def shown(self, *, show_secrets: bool) -> str:
        """The text, or what stands for it."""
        return self._text if show_secrets else MASK

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK})"


@dataclass(frozen=True, slots=True)
class Client:
    """What the app proves with that it is the app."""

    client_id: Secret | None
    client_secret: Secret | None

    def over(self, before: Client | None) -> Client:
        """This, with what it lacks from what was known before."""
        if before is None:
            return self
        return Client(self.client_id or before.client_id, self.client_secret or before.client_secret)

    def secrets(self) -> dict[str, Secret | None]:
        """What it holds, by the names for people."""
        return {"client id": self.client_id, "client secret": self.client_secret}


@dataclass(frozen=True, slots=True)
class Account:
    """What the owner logs in with."""

    username: Secret | None
    password: Secret | None

    def over(self, before: Account | None) -> Account:
        """This, with what it lacks from what was known before; another user's password is not."""
        if before is None or (self.username and before.username and self.username != before.username):
            return self
        return Account(self.username or before.username, self.password or before.password)

    def secrets(self) -> dict[str, Secret | None]:
        """What it holds, by the names for people."""
        return {"user name": self.username, "password": self.password}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login gives."""

    access_token: Secret
    refresh_token: Secret | None = None
    expires_in: float | None = None
    """Seconds from the answer on."""
    expires_at: datetime | None = None
    """The same as a time, if it is known when the answer came."""

    def secrets(self) -> dict[str, Secret | None]:
        """What it holds, by the names for people."""
        return {"access token": self.access_token, "refresh token": self.refresh_token}


@dataclass(frozen=True, slots=True)
class FleetMachine:
    """One of the owner's machines."""

    key: Secret | None
    """None if the cloud gave none, or none that can be one."""
    serial_number: str = ""
    name: str = ""
    model_name: str = ""
    ble_token: Secret | None = None
    """With it a machine with gateway v5 takes commands by Bluetooth; None if the cloud gave none."""

    @property
    def title(self) -> str:
        """What it is called here: `kitchen (GS3 AV, SN123)`."""
        details = ", ".join(_short(each) for each in (self.model_name, self.serial_number) if each)
        name = _short(self.name) or "a machine without a name"
        return f"{name} ({details})" if details else name

    def secrets(self) -> dict[str, Secret | None]:
        """What it holds, by the names for people."""
        found: dict[str, Secret | None] = {}
        if self.key or not self.ble_token:
            found[f"key of {self.title}"] = self.key
        if self.ble_token:
            found[f"Bluetooth token of {self.title}"] = self.ble_token
        return found


def _short(name: str) -> str:
    """A name for a line of text: somebody may have put a megabyte there."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


_LONGEST_NAME = 100  # characters


class Trouble(Enum):
    """What kind of problem it is."""

    BAD_ENCODING = "a body that is not what its headers say"
    BAD_KEY = "a key that is none"
    CHANGED = "not what it was before"
    EMPTY_FLEET = "an account without machines"
    NOT_JSON = "an answer that is not JSON"
    NO_ANSWER = "a request without an answer"
    NO_CREDENTIALS = "a login in which none are recognised"
    NO_FLEET = "an answer without a list of machines"
    REFRESH_ONLY = "a login renewed without user name and password"
    REFUSED = "a request that the cloud refused"
    WEB_PAGE = "a web page where JSON should be"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something was not found: one line for the user, without secrets."""

    trouble: Trouble
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Installation:
    """An installation of the app, or of a program that signs as the app does, in the cloud of today."""

    installation_id: Secret
    secret: Secret | None = None
    """From the file of the program; it never goes over the network."""
    private_key: Secret | None = None
    """The same."""

    def over(self, before: Installation | None) -> Installation:
        """This, with what it lacks from what was known before of the same installation."""
        if before is None or before.installation_id != self.installation_id:
            return self
        return Installation(self.installation_id, self.secret or before.secret, self.private_key or before.private_key)

    def secrets(self) -> dict[str, Secret | None]:
        """What it holds, by the names for people."""
        found: dict[str, Secret | None] = {"installation id": self.installation_id}
        if self.secret:
            found["installation secret"] = self.secret
        if self.private_key:
            found["installation private key"] = self.private_key
        return found


Finding = Client | Account | Tokens | FleetMachine | Installation
