"""In mitmproxy: what its addons are made of. Nothing else of lmdecode imports mitmproxy."""
