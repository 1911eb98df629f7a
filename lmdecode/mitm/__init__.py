"""The parts of the mitmproxy addons. Nothing else in lmdecode imports mitmproxy."""
