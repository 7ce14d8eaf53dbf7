# Two environments, because LocalStack's moto-ext and moto own the same package name:
#   .venv             the stand-alone host and the tests
#   .venv-localstack  LocalStack with the plugin
# A third, .venv-clients, has clients that only tests use (make clients).
# Both are reinstalled when pyproject.toml changes, not otherwise.
SHELL := /bin/bash
.DEFAULT_GOAL := help

HOST ?= auto
PORT ?= 4566
PYTEST_ARGS ?=
FUZZ_ARGS ?=

VENV := .venv
LOCALSTACK_VENV := .venv-localstack
CLIENTS_VENV := .venv-clients
NODE_CLIENTS := tests/clients/node
BIN := $(VENV)/bin
# The tests run on the oldest supported Python, LocalStack on the newest it knows: between them both ends are run.
PYTHON ?= $(shell .ci/find-python 3.11 3.12 3.13)
LOCALSTACK_PYTHON ?= $(shell .ci/find-python 3.13 3.12 3.11 2>/dev/null)
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
# LocalStack caches the entry points it found; after an install that index may be stale.
FORGET_ENTRY_POINTS := rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/plux"

.PHONY: clients help start test check format fuzz bench terraform docs wheel-check environments localstack-environment clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 26
	@echo
	@echo "  make start HOST=standalone PORT=4567   another host, another port (HOST: auto, localstack, standalone)"
	@echo "  make test PYTEST_ARGS='-k story -x'    part of the tests"

$(VENV)/.installed: pyproject.toml
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python $(PIP_INSTALL) -e '.[standalone,test]'
	@touch $@

$(LOCALSTACK_VENV)/.installed: pyproject.toml
	@test -x $(LOCALSTACK_VENV)/bin/python || "$(LOCALSTACK_PYTHON)" -m venv $(LOCALSTACK_VENV)
	$(LOCALSTACK_VENV)/bin/python $(PIP_INSTALL) -e '.[localstack]'
	@$(FORGET_ENTRY_POINTS)
	@touch $@

environments: $(VENV)/.installed localstack-environment

localstack-environment: # without a usable Python, or where the install fails, the stand-alone host remains
	@if [ ! -x $(LOCALSTACK_VENV)/bin/python ] && [ -z "$(LOCALSTACK_PYTHON)" ]; then \
	  echo "LocalStack: no Python 3.11, 3.12 or 3.13 found that can make a virtual environment"; \
	else \
	  $(MAKE) --no-print-directory $(LOCALSTACK_VENV)/.installed || echo "LocalStack: the installation failed (see above)"; \
	fi

$(CLIENTS_VENV)/.installed: tests/clients/requirements.txt $(NODE_CLIENTS)/package.json
	@test -x $(CLIENTS_VENV)/bin/python || "$(PYTHON)" -m venv $(CLIENTS_VENV)
	$(CLIENTS_VENV)/bin/python $(PIP_INSTALL) -r tests/clients/requirements.txt
	@if command -v npm >/dev/null; then cd $(NODE_CLIENTS) && npm install --silent --no-audit --no-fund --no-package-lock; \
	else echo "npm is not there: no clients for Node.js"; fi
	@touch $@

clients: $(CLIENTS_VENV)/.installed ## install the clients that some tests want: AWS CLI, aiobotocore, Cloud Custodian, redis-py, valkey-py, valkey-glide, Node.js

start: ## install what is needed and start LocalStack with MemoryDB (or the stand-alone host)
	@HOST=$(HOST) PORT=$(PORT) .ci/start

# Of what starts hosts, the tests of a file stay together, they share them; four at a time, since they wait for others more than they work;
# and what takes longest begins first, so that nobody waits for it in the end. A busy machine takes minutes for some.
QUICK_TESTS := tests/architecture tests/conformance tests/differential tests/fuzz tests/unit
HOST_TESTS := tests/terraform tests/hosts tests/clients

test: environments ## run the tests
ifeq ($(PYTEST_ARGS),)
	$(BIN)/python -m pytest -n 2 $(QUICK_TESTS)
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -o timeout=600 $(HOST_TESTS)
else
	$(BIN)/python -m pytest $(PYTEST_ARGS)
endif

check: $(VENV)/.installed ## lint, format, types, and the rules of the architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict -p localstack_memorydb
	$(BIN)/python -m pytest -q tests/architecture

format: $(VENV)/.installed ## let ruff put the sources in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

terraform: environments ## let Terraform and the AWS provider judge: every row, on both hosts (many minutes)
	MEMORYDB_TERRAFORM=full $(BIN)/python -m pytest tests/terraform $(PYTEST_ARGS)

docs: $(VENV)/.installed ## write the generated pages again
	$(BIN)/python -m localstack_memorydb.settings > docs/settings.md
	$(BIN)/python -m localstack_memorydb.engine.reference > docs/commands.md
	$(BIN)/python -m localstack_memorydb.provider.reference > docs/operations.md

bench: environments ## measure against real servers, fakeredis and moto, and what LocalStack's start takes
	$(BIN)/python -m bench

fuzz: environments ## random commands and bytes to our engine and a real valkey-server, random calls of the API (minutes)
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

wheel-check: $(VENV)/.installed ## build the wheel, install it in a new environment, use it there
	$(BIN)/python -m pytest -q tests/hosts/test_wheel.py

clean: ## remove environments, caches and builds
	rm -rf $(VENV) $(LOCALSTACK_VENV) $(CLIENTS_VENV) $(NODE_CLIENTS)/node_modules dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .data
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
