# `make` lists what can be made. Everything lives in .venv; nothing is installed twice.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Debian keeps this part of Python in a package of its own.
HAS_VENV = $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# Else each of the servers that tests and benchmarks start would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

# Test files that run at a time: each has its own processes, ports and folders. Three keep two cores
# busy, because browsers and servers are waited for; tests/conftest.py gives the order of files.
PARALLEL ?= 3

# What the tests need, and what the check of the page's types needs, as command:package. WeeChat's
# plugin for commands by a pipe is no command, and comes with another package than WeeChat.
TEST_COMMANDS := chromium:chromium chromium-headless-shell:chromium-headless-shell curl:curl \
	telnet:telnet nc:netcat-openbsd irssi:irssi weechat-headless:weechat-headless \
	weechat-fifo:weechat-plugins redis-server:redis-server nginx:nginx-light haproxy:haproxy
LINT_COMMANDS := node:nodejs npm:npm

# Checks the types of web/*.js; nothing of it is needed to run or to test.
TYPES := $(VENV)/types
NPM_OPTIONS := --loglevel=error --no-audit --no-fund --ignore-scripts

# uv resolves for every platform and Python at once; pinned so that all make the same lock.
LOCK_TOOL := uv==0.13.9
LOCK_OPTIONS = --quiet --universal --python-version 3.11 --extra tls --extra redis --extra terminal --extra page --extra push --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(LOCK_ARGS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test bench soak lint format changelog dist check-wheel deb check-deb container lock \
	clean system-packages

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  Variables: PYTHON (python3), ARGS (for run, bench and soak), PYTEST_ARGS and PARALLEL (for test), RELEASE (for changelog), LOCK_ARGS (for lock)'

run: $(VENV)/.runtime ## start the server; make run ARGS='--store memory:'
	@exec $(BIN)/chatd serve $(ARGS)

test: COMMANDS = $(TEST_COMMANDS)
test: system-packages $(VENV)/.dev ## run every test; make test PYTEST_ARGS='-k room'
	@$(BIN)/pytest --numprocesses=$(PARALLEL) --dist=loadfile --no-loadscope-reorder $(PYTEST_ARGS)

bench: $(VENV)/.runtime ## measure chatd beside its peers; make bench ARGS='--readers 1000,10000'
	@$(BIN)/python -m bench $(ARGS)

soak: $(VENV)/.dev ## many clients for ten minutes; make soak ARGS='--minutes 1 --restarts 3'
	@$(BIN)/python -m soak $(ARGS)

lint: COMMANDS = $(LINT_COMMANDS)
lint: system-packages $(VENV)/.dev $(VENV)/.types ## check style, format and types
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@$(TYPES)/node_modules/.bin/tsc --project tsconfig.json

format: $(VENV)/.dev ## format the code and fix what ruff can
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

changelog: $(VENV)/.dev ## show what the next release changes; with RELEASE=0.2.0, write it
	@$(BIN)/towncrier build $(if $(RELEASE),--yes --version '$(RELEASE)',--draft --version "next release")

dist: $(VENV)/.dev ## build the sdist, and the wheel from it, into dist/
	@rm -rf build dist *.egg-info # setuptools would pack leftovers
	@$(BIN)/python -m build --quiet

# The time of the last commit, so that two builds of it are the same to the byte.
dist deb container check-wheel: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)

deb: COMMANDS = dh:debhelper dpkg-buildpackage:dpkg-dev
deb: system-packages dist ## build a Debian package into dist/, for this system's Python
	@tools/build-deb

check-deb: COMMANDS = debootstrap:debootstrap lintian:lintian
check-deb: system-packages deb ## install, upgrade and purge the Debian package in a root of its own
	@$(BIN)/python tools/check_deb.py

# podman, buildah or docker; CONTAINER_ARGS='--build-arg BASE=…' takes another base.
CONTAINER_TOOL ?= $(firstword $(foreach tool,podman buildah docker,$(if $(shell command -v $(tool)),$(tool))))

container: dist ## build a container image, chatd:latest, from the wheel
	@[ -n '$(CONTAINER_TOOL)' ] || { echo 'Install podman, buildah or docker' >&2; exit 1; }
	@$(CONTAINER_TOOL) build --tag chatd:latest --file packaging/container/Containerfile $(CONTAINER_ARGS) .

check-wheel: dist ## install the built wheel on its own and chat with it
	@$(BIN)/python tools/check_wheel.py

lock: $(VENV)/pyvenv.cfg ## pin dependencies anew; make lock LOCK_ARGS=--upgrade
	@$(PIP) install $(LOCK_TOOL)
	@$(BIN)/uv pip compile $(LOCK_OPTIONS) --output-file requirements.lock pyproject.toml
	@$(BIN)/uv pip compile $(LOCK_OPTIONS) --output-file requirements-dev.lock pyproject.toml \
		--group dev --constraint requirements.lock
	@npm install --package-lock-only --omit-lockfile-registry-resolved $(NPM_OPTIONS)

clean: ## remove all that make made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . \( -name __pycache__ -o -name dropin.cache \) -prune -exec rm -rf {} +

# Two stamps: `make run` needs only what a server needs.

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo 'Installing development tools in $(VENV)'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# npm works beside its package.json; so that goes where everything lives.
$(VENV)/.types: $(VENV)/pyvenv.cfg package.json package-lock.json
	@echo 'Installing TypeScript in $(TYPES)'
	@mkdir -p $(TYPES) && cp package.json package-lock.json $(TYPES)
	@npm ci --prefix $(TYPES) $(NPM_OPTIONS) >/dev/null
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
	@missing=; PATH="$$PATH:/usr/sbin"; \
	for pair in $(COMMANDS); do \
		case $${pair%:*} in \
			nc) nc -h 2>&1 | grep -q -e '-N' ;; \
			weechat-fifo) ls /usr/lib*/weechat/plugins/fifo.so /usr/lib/*/weechat/plugins/fifo.so 2>/dev/null \
				| grep -q . ;; \
			*) command -v $${pair%:*} >/dev/null ;; \
		esac || missing="$$missing $${pair#*:}"; \
	done; \
	[ -e $(VENV)/pyvenv.cfg ] || $(HAS_VENV) || missing="$$missing python3-venv"; \
	[ -z "$$missing" ] || tools/apt-install $$missing
