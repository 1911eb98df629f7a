"""What people do today: load tshark's export whole, and decrypt each payload with lmdirect's own cipher class.

Runs in the benchmark's own virtual environment, never with lmdecode's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lmdirect.aescipher import AESCipher

KEY = "12345678901234567890123456789012"


def main() -> None:
    """Print the plaintext of each frame."""
    cipher = AESCipher(KEY)
    for packet in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        payload = bytes.fromhex(packet["_source"]["layers"]["tcp"]["tcp.payload"].replace(":", ""))
        for frame in payload.decode("ascii").split("%"):
            if frame:
                print(cipher.decrypt(frame[1:]))


main()
