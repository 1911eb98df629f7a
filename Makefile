# `make demo` and `make test` set up all they need (a virtual environment in .venv) and then run.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
READY_TO_TEST := $(VENV)/ready-to-test

CONTAINER ?= $(shell command -v podman || echo docker)

# mitmproxy 12, whose views can be edited, needs Python 3.12; where there is one, the addons are tested with it as well.
VENV_312 := .venv-3.12
READY_312 := $(VENV_312)/ready
# Run, not only found: pyenv's shims are there for versions that are not.
PYTHON_312 = $(shell for python in python3.12 python3.13 "$$HOME"/.pyenv/versions/3.1[2-9]*/bin/python3; do \
	"$$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && { echo "$$python"; break; }; done)

# The schemas of Home Assistant's discovery messages are in its wheel, which is used as it is: installed, it has 30,000 files.
VENV_HOMEASSISTANT := .venv-homeassistant
READY_HOMEASSISTANT := $(VENV_HOMEASSISTANT)/ready
HOMEASSISTANT := homeassistant==2025.1.4

.PHONY: demo test lint fix docs notebooks bench fuzz check-dist container clean help

help:
	@echo "make demo   decode a sample capture, and make the report of a sample day"
	@echo "make test   every check: ruff, mypy, import-linter, codespell, pytest"
	@echo "make lint   the quick checks: all of these but pytest"
	@echo "make fix    format, and mend what ruff can mend"
	@echo "make bench  lmdecode and its peers side by side"
	@echo "make fuzz   the worst captures that are known, then random input for every parser, until Ctrl-C or for FUZZ_SECONDS"
	@echo "make check-dist  build wheel and sdist, install them on each Python, bare and with each extra"
	@echo "make container  build the container image lmdecode, with podman or docker; EXTRAS=mqtt,parquet says with what"
	@echo "make docs   write the pages that are made anew, man pages too, and build the site, site/index.html"
	@echo "make notebooks  run the notebooks and keep their outputs"
	@echo "make clean  remove the virtual environment and all caches"

# An environment that works is updated where it is, with what its owner has put into it. It is made anew if its Python does
# not run, is too old, or is another version than the one that was asked for by name, if it has no pip and gets none, or
# if whoever made it was interrupted: `activate` is written last.
IS_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
ASKED_FOR := $(if $(filter-out file,$(origin PYTHON)),$(PYTHON))

# The markers are written last, so a set-up that was interrupted is done again.
$(READY): pyproject.toml
	@"$(PYTHON)" -c '$(IS_ENOUGH)' \
		|| { echo "lmdecode needs Python 3.11 or later; $(PYTHON) is older. Try: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@version='import sys; print(sys.version_info[:2])'; \
	if [ -e $(BIN)/activate ] && $(BIN)/python -c '$(IS_ENOUGH)' 2>/dev/null \
			&& { [ -z "$(ASKED_FOR)" ] || [ "$$($(BIN)/python -c "$$version")" = "$$("$(PYTHON)" -c "$$version")" ]; } \
			&& { $(BIN)/python -m pip --version || { $(BIN)/python -m ensurepip && $(BIN)/python -m pip --version; }; } >/dev/null 2>&1; \
		then echo "Updating $(VENV)…"; \
		else echo "Setting up $(VENV) (once)…"; "$(PYTHON)" -m venv --clear $(VENV); fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(READY_TO_TEST): $(READY)
	@echo "Installing what the checks need (once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(READY_312): pyproject.toml
	@python="$(PYTHON_312)"; if [ -n "$$python" ]; then \
		echo "Setting up $(VENV_312) (once)…" && "$$python" -m venv --clear $(VENV_312) && \
		$(VENV_312)/bin/python -m pip install --quiet --disable-pip-version-check --editable . 'mitmproxy>=12' && \
		touch $@; \
	fi

$(READY_HOMEASSISTANT): tests/render/home_assistant.txt
	@python="$(PYTHON_312)"; if [ -n "$$python" ]; then \
		echo "Setting up $(VENV_HOMEASSISTANT) (once)…" && "$$python" -m venv --clear $(VENV_HOMEASSISTANT) && \
		pip="$(VENV_HOMEASSISTANT)/bin/python -m pip --quiet --disable-pip-version-check" && \
		$$pip install --requirement $< && $$pip download --no-deps --dest $(VENV_HOMEASSISTANT) $(HOMEASSISTANT) && \
		touch $@; \
	fi

# A dozen messages and a report: what one looks at, not all that there is. Each command is shown as one types it.
demo: $(READY)
	@mkdir -p build
	@echo '$$ lmdecode decode captures/gs3av-settings.pcap --config captures/config.json \'
	@echo '    --format table --where kind=write --where sender=app'
	@$(BIN)/lmdecode decode captures/gs3av-settings.pcap --config captures/config.json \
	    --format table --where kind=write --where sender=app
	@echo
	@echo '$$ lmdecode report captures/gs3av-day.pcapng.zst --config captures/config.json \'
	@echo '    --output build/day.html'
	@$(BIN)/lmdecode report captures/gs3av-day.pcapng.zst --config captures/config.json \
	    --output build/day.html
	@echo
	@echo 'These are the settings that an app wrote, and a whole day of a machine as one page.'
	@echo 'Open the page in a browser: file://$(CURDIR)/build/day.html'
	@echo
	@echo 'lmdecode is installed in $(VENV). Activate it, and commands work as they are shown here:'
	@echo '    . $(VENV)/bin/activate'
	@echo '    lmdecode shots captures/gs3av-day.pcapng.zst --config captures/config.json'
	@echo '    lmdecode simulate       # a simulated machine; watch it from another terminal:'
	@echo '    lmdecode watch --config captures/config.json --host 127.0.0.1'

lint: $(READY_TO_TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell

# Some tests only: make test PYTEST_ARGS='--no-cov tests/codec'. What is not covered: .venv/bin/coverage report
# The environments are made beside each other and beside the quick checks: pip uses one core.
test:
	@$(MAKE) --no-print-directory --jobs 2 lint $(READY_312) $(READY_HOMEASSISTANT)
	$(BIN)/python -m pytest --numprocesses auto --cov --cov-report= $(PYTEST_ARGS)

fix: $(READY_TO_TEST)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY_TO_TEST)
	$(BIN)/python docs/make_memory_map.py
	$(BIN)/python docs/make_vocabulary.py
	$(BIN)/python docs/make_formats.py
	$(BIN)/python docs/make_layers.py
	$(BIN)/python docs/make_man.py
	$(BIN)/python docs/make_options.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict  # --quiet would quieten strict as well
	@echo "The site is in site/; open site/index.html"

notebooks: $(READY_TO_TEST)
	$(BIN)/python notebooks/run.py

fuzz: $(READY_TO_TEST)
	$(BIN)/python -m fuzz.bombs $(BOMBS_ARGS)
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m fuzz.run $(FUZZ_ARGS)

check-dist: $(READY_TO_TEST)
	$(BIN)/python -m tools.check_dist $(CHECK_DIST_ARGS)

# Only podman has a choice of formats, and a health check only in docker's.
container:
	$(CONTAINER) build $(if $(findstring podman,$(CONTAINER)),--format docker) $(if $(EXTRAS),--build-arg EXTRAS=$(EXTRAS)) \
		--tag lmdecode --file contrib/container/Containerfile .

bench: $(READY)
	$(BIN)/python -m bench.run $(BENCH_ARGS)

clean:
	rm -rf site htmlcov .coverage .coverage.* $(VENV) $(VENV_312) $(VENV_HOMEASSISTANT) .venv-lmdirect* .venv-pylamarzocco* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
