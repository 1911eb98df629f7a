"""The owner's configuration: config.json, the machines' keys, and the choice of a machine."""

from __future__ import annotations

from typing import Final

ENVIRONMENT_VARIABLE: Final = "LMDECODE_KEY"
"""Holds the key, where it is set."""

TOKEN_VARIABLE: Final = "LMDECODE_BLE_TOKEN"  # noqa: S105 -- the name of a variable
"""Holds the Bluetooth token, where it is set."""

CONFIG_VARIABLE: Final = "LMDECODE_CONFIG"
"""Names the configuration file where `--config` does not, instead of the default places."""

HOST_VARIABLE: Final = "LMDECODE_HOST"
"""Holds the address of the machine, where neither `--host`, `--machine` nor `--config` is given."""

RADIO_VARIABLE: Final = "LMDECODE_RADIO"
"""Names the radio for Bluetooth, where `--radio` is not given and this computer's own is not meant."""

SAMPLE_KEY: Final = "12345678901234567890123456789012"
"""The key of the sample captures and of the simulator. It is published, so it is no machine's."""

SAMPLE_TOKEN: Final = "15d970344342cf50f3f136b3f341036edc44653f26681a99a903509225ed7eae"  # noqa: S105 -- published
"""The Bluetooth token of the sample recording and of the simulator. It is published, so it is no machine's."""
