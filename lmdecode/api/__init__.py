"""The Python API. Import its names from `lmdecode` itself: `import lmdecode; lmdecode.decode(…)`.

What is here stands over the rooms and beside the command line, so it may use all of them, and prints nothing.
"""
