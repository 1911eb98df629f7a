"""Shows what a La Marzocco machine and its app say to each other, decrypted, on mitmproxy's screens.

mitmproxy --mode reverse:tcp://MACHINE:1774 -s "$(lmdecode addon-path lm_traffic)"

The page docs/mitmproxy.md of the project has the options. The work is done in lmdecode/mitm/.
"""  # noqa: INP001 -- mitmproxy loads the file by its path

from lmdecode.mitm.traffic import TrafficAddon

addons = [TrafficAddon()]
