# `make demo` and `make test` set up all they need (a virtual environment in .venv) and then run.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
READY_TO_TEST := $(VENV)/ready-to-test

.PHONY: demo test lint fix docs bench clean help

help:
	@echo "make demo   decode a sample capture"
	@echo "make test   every check: ruff, mypy, import-linter, pytest"
	@echo "make fix    format, and mend what ruff can mend"
	@echo "make bench  lmdecode and its peers side by side"
	@echo "make docs   write the generated pages of docs/ anew"
	@echo "make clean  remove the virtual environment and all caches"

# The markers are written last, so a set-up that was interrupted is done again.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "lmdecode needs Python 3.11 or later; $(PYTHON) is older. Try: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Setting up $(VENV) (once)…"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(READY_TO_TEST): $(READY)
	@echo "Installing what the checks need (once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY)
	@$(BIN)/lmdecode decode captures/gs3av-settings.pcap --config captures/config.json --format table

lint: $(READY_TO_TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: lint
	$(BIN)/python -m pytest --numprocesses auto $(PYTEST_ARGS)

fix: $(READY_TO_TEST)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)
	$(BIN)/python docs/make_memory_map.py

bench: $(READY)
	$(BIN)/python -m bench.run $(BENCH_ARGS)

clean:
	rm -rf $(VENV) .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
