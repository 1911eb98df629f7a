"""Watches a login of La Marzocco's app, and writes credentials and the machines' keys into config.json.

mitmdump -s mitm_addons/lm_credentials.py

docs/credentials.md has the steps on the phone, and the options. The work is done in lmdecode/mitm/.
"""  # noqa: INP001 -- mitmproxy loads the file by its path

from lmdecode.mitm.credentials import CredentialsAddon

addons = [CredentialsAddon()]
