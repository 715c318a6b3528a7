# `make` lists what can be made. Everything lives in .venv; nothing is installed twice.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Debian keeps this part of Python in a package of its own.
HAS_VENV = $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# What the tests need beside nc, as command:package
TEST_COMMANDS := chromium:chromium curl:curl telnet:telnet

# uv resolves for every platform and Python at once; pinned so that all make the same lock.
LOCK_TOOL := uv==0.13.9
LOCK_OPTIONS = --quiet --universal --python-version 3.11 --extra tls --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(LOCK_ARGS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test soak lint format dist check-wheel lock clean system-packages

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  Variables: PYTHON (python3), ARGS (for run and soak), PYTEST_ARGS (for test), LOCK_ARGS (for lock)'

run: $(VENV)/.runtime ## start the server; make run ARGS='--store memory:'
	@$(BIN)/twistd --nodaemon --pidfile= chatd $(ARGS)

test: system-packages $(VENV)/.dev ## run every test; make test PYTEST_ARGS='-k room'
	@$(BIN)/pytest $(PYTEST_ARGS)

soak: $(VENV)/.dev ## many clients for ten minutes; make soak ARGS='--minutes 1 --restarts 3'
	@$(BIN)/python -m soak $(ARGS)

lint: $(VENV)/.dev ## check style, format and types
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy

format: $(VENV)/.dev ## format the code and fix what ruff can
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

dist: $(VENV)/.dev ## build the sdist, and the wheel from it, into dist/
	@rm -rf build dist *.egg-info # setuptools would pack leftovers
	@$(BIN)/python -m build --quiet

check-wheel: dist ## install the built wheel on its own and chat with it
	@$(BIN)/python tools/check_wheel.py

lock: $(VENV)/pyvenv.cfg ## pin dependencies anew; make lock LOCK_ARGS=--upgrade
	@$(PIP) install $(LOCK_TOOL)
	@$(BIN)/uv pip compile $(LOCK_OPTIONS) --output-file requirements.lock pyproject.toml
	@$(BIN)/uv pip compile $(LOCK_OPTIONS) --output-file requirements-dev.lock pyproject.toml \
		--group dev --constraint requirements.lock

clean: ## remove all that make made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . \( -name __pycache__ -o -name dropin.cache \) -prune -exec rm -rf {} +

# Two stamps: `make run` needs only what a server needs.

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo 'Installing development tools in $(VENV)'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.runtime: $(VENV)/pyvenv.cfg requirements.lock pyproject.toml setup.cfg
	@echo 'Installing chatd in $(VENV)'
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'chatd needs Python 3.11 or newer: make PYTHON=...' >&2; exit 1; }
	@$(HAS_VENV) || tools/apt-install python3-venv
	@$(PYTHON) -m venv $(VENV)

# Asks for all at once. nc must be OpenBSD's: the traditional one has no -N.
system-packages:
	@missing=; \
	for pair in $(TEST_COMMANDS); do \
		command -v $${pair%:*} >/dev/null || missing="$$missing $${pair#*:}"; \
	done; \
	nc -h 2>&1 | grep -q -e '-N' || missing="$$missing netcat-openbsd"; \
	[ -e $(VENV)/pyvenv.cfg ] || $(HAS_VENV) || missing="$$missing python3-venv"; \
	[ -z "$$missing" ] || tools/apt-install $$missing
