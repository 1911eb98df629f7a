"""The installations of the app in a recording, and whether their requests are signed with their keys."""

from __future__ import annotations

import base64
import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from lmdecode.codec.lion.signature import init_text, is_signed, proof, read_public_key, secret, signed_text
from lmdecode.codec.web import HttpRequest, header

if TYPE_CHECKING:
    from Crypto.PublicKey.ECC import EccKey

SIGNATURE: Final = "signature"
"""The name in the `extra` of a request's Record that tells what came of the check."""
FITS: Final = "fits"
FITS_NOT: Final = "does not fit"
MISSING: Final = "missing"
"""The words that it tells."""
_MOST: Final = 256
_MOST_CHECKED: Final = 20_000  # each takes about a millisecond, and a day of an app has hundreds


class _Installation(NamedTuple):
    key: EccKey
    secret: bytes


class Check(NamedTuple):
    """What came of a request's signature."""

    result: str = ""
    """`FITS`, `FITS_NOT` or `MISSING`; "" if there is nothing to check it with."""
    problem: str = ""


class Installations:
    """Those whose keys were told to the cloud in a recording."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Installation] = OrderedDict()
        self._checked = 0

    def told(self, request: HttpRequest) -> Check:
        """Take the request that tells the cloud a key, and check that its proof fits."""
        name = header(request.headers, "x-app-installation-id")
        try:
            body = json.loads(request.body)
            text = body["pk"]
            key = read_public_key(text)
        except (ValueError, RecursionError, LookupError, TypeError):
            return Check(FITS_NOT, "no public key can be read in the request, so no signature can be checked with it")
        if not name:
            return Check(MISSING)
        known = _Installation(key, secret(name, text))
        self._known[name] = known
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        if proof(init_text(name, base64.b64decode(text)), known.secret) != header(request.headers, "x-request-proof"):
            return Check(FITS_NOT, "the proof in the header X-Request-Proof does not fit the installation and its key")
        return Check(FITS)

    def check(self, request: HttpRequest) -> Check:
        """Return whether a request is signed by its installation, if that told its key before."""
        if not request.headers or not self._known or self._checked >= _MOST_CHECKED:
            return Check()  # a debug log has no headers, so nothing is missing in them
        name, nonce, timestamp, signature = (
            header(request.headers, each)
            for each in ("x-app-installation-id", "x-nonce", "x-timestamp", "x-request-signature")
        )
        if not name:
            return Check(MISSING)
        known = self._known.get(name)
        if known is None:
            return Check()
        self._checked += 1
        if is_signed(signed_text(name, nonce, timestamp, known.secret), signature, known.key):
            return Check(FITS)
        return Check(FITS_NOT, "the signature does not fit the key that the installation told the cloud")
