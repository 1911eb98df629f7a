"""Use cases: what lmdecode does, with typed arguments and results. No Typer, and nothing is printed here.

The command line (`cli`), the Python interface (`api`) and mitmproxy's addons (`mitm`) are faces over them.
"""
