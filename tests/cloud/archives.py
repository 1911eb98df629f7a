"""HTTP archives of a login, for tests: every program's way of writing one is a variation of these."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from lmdecode.cloud.collection import Collection
from lmdecode.cloud.http import CLOUD_HOST

KEY = "hush-key-\xe4\xff\xb7" + "k" * 20
LOGIN = {"client_id": "hush-id", "client_secret": "hush secret", "username": "hush@x", "password": "hush pw+%"}
TOKENS = {"access_token": "hush-at", "refresh_token": "hush-rt", "expires_in": 3600}
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def fleet(name: str = "kitchen", key: str = KEY) -> dict[str, Any]:
    model = {"serialNumber": "GS012345", "model": {"name": "GS3 AV"}}
    return {"data": {"fleet": [{"communicationKey": key, "name": name, "machine": model}]}}


def entry(path: str, answer: object, *, post: object = None, **changes: Any) -> dict[str, Any]:
    """A request and its answer; `changes` replace parts of either: request_url, response_content, …"""
    made: dict[str, Any] = {
        "startedDateTime": "2026-11-21T02:55:55.174Z",
        "request": {
            "method": "POST" if post else "GET",
            "url": f"https://{CLOUD_HOST}{path}",
            "headers": [{"name": "Host", "value": CLOUD_HOST}],
            "postData": post,
        },
        "response": {
            "status": 200,
            "headers": [{"name": "Content-Type", "value": JSON}],
            "content": {"mimeType": JSON, "text": json.dumps(answer)},
        },
    }
    for name, value in changes.items():
        part, _, of = name.partition("_")
        made[part][of] = value
    return made


def login(**changes: Any) -> dict[str, Any]:
    post = changes.pop("post", {"mimeType": FORM, "text": urlencode(LOGIN)})
    return entry("/oauth/v2/token", TOKENS, post=post, **changes)


def customer(name: str = "kitchen", key: str = KEY, **changes: Any) -> dict[str, Any]:
    return entry("/api/customer", fleet(name, key), **changes)


def har(*entries: object) -> dict[str, Any]:
    return {"log": {"version": "1.2", "creator": {"name": "x"}, "pages": [{"id": "1"}], "entries": list(entries)}}


def found_in(collection: Collection) -> dict[str, str]:
    """All secrets that were found, by the names of the configuration file."""
    names = {"user name": "username"}
    parts = [collection.client, collection.account]
    found = {
        names.get(name, name.replace(" ", "_")): secret.reveal()
        for part in parts
        if part
        for name, secret in part.secrets().items()
        if secret
    }
    keys = [machine.key.reveal() for machine in collection.keyed if machine.key]
    return found | ({"key": keys[0]} if keys else {})


ALL = {**LOGIN, "key": KEY}
