"""Watches a login of La Marzocco's app, and writes credentials and the machines' keys into config.json.

mitmdump -s "$(lmdecode addon-path lm_credentials)"

The page docs/credentials.md of the project has the steps on the phone, and the options.
The work is done in lmdecode/mitm/.
"""  # noqa: INP001 -- mitmproxy loads the file by its path

from lmdecode.mitm.credentials import CredentialsAddon

addons = [CredentialsAddon()]
