# Every target sets up what it needs in .venv; nothing is installed elsewhere.

PYTHON ?= python3
ARGS ?=
CLUSTER ?=
BIN := .venv/bin
LOCKED := requirements$(if $(wildcard .venv/.cluster),-cluster).lock
RUN := .venv/.run-$(shell cksum < $(LOCKED) | cut -d ' ' -f 1)
LOCK := $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-emit-index-url --no-emit-find-links
DEV := .venv/.dev-$(shell cksum < requirements-dev.lock | cut -d ' ' -f 1)

.DEFAULT_GOAL := help

.PHONY: help
help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: $(RUN)  ## try the bot on this machine, without Discord (ARGS="--once --image FILE --prompt TEXT")
	@$(BIN)/python -m bot demo $(ARGS)

.PHONY: run
run: $(RUN)  ## start the bot on Discord, with the settings in .env
	@$(BIN)/python -m bot run $(ARGS)

.PHONY: cluster
cluster: | .venv/bin/python  ## install what PostgreSQL and several processes need; afterwards set DATABASE_URL
	@echo "Installing the locked dependencies of a cluster into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-cluster.lock
	@touch .venv/.cluster .venv/.run-$$(cksum < requirements-cluster.lock | cut -d ' ' -f 1)

.PHONY: test
test: $(DEV)  ## run the test suite (ARGS="tests/domain -k quota")
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

.PHONY: check
check: $(DEV)  ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

.PHONY: audit
audit: $(DEV)  ## look at locks, installed packages, known advisories, and for secrets in the tree and its history
	@$(BIN)/python -m audit $(ARGS)

.PHONY: bench
bench: $(DEV)  ## run the benchmarks; tables here, JSON in benchmarks/results
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: soak
soak: $(DEV)  ## let a crowd use the bot for some minutes while everything goes wrong (ARGS="--seed 7")
	@$(BIN)/python -m tests.soak $(ARGS)

.PHONY: chaos
chaos: $(DEV)  ## kill the bot at every point of a clip's life, with every provider, and judge what is left; then any process of a cluster (ARGS="--provider kling" CLUSTER="--jobs 100")
	@$(BIN)/python -m tests.chaos $(ARGS)
	@$(BIN)/python -m tests.cluster $(CLUSTER)

.PHONY: docs
docs: $(RUN)  ## write the tables of the README, docs/models.md, settings.md and scaling.md anew from what they are about
	@$(BIN)/python -m docs.models
	@$(BIN)/python -m docs.settings
	@$(BIN)/python -m docs.scaling

.PHONY: words
words: $(DEV)  ## gather what people read into bot/locale, and compile its translations
	@$(BIN)/python -m docs.words

.PHONY: screens
screens: $(DEV)  ## take the pictures in docs/screens anew, of the real bot in a browser (needs chromium)
	@$(BIN)/python -m docs.screens $(ARGS)

.PHONY: lock
lock: $(DEV)  ## resolve the dependencies anew, with hashes and without naming an index
	$(LOCK) --upgrade pyproject.toml -o requirements.lock
	$(LOCK) --upgrade --extra cluster -c requirements.lock pyproject.toml -o requirements-cluster.lock
	$(LOCK) --upgrade --extra cluster --extra dev -c requirements-cluster.lock pyproject.toml -o requirements-dev.lock

$(RUN): | .venv/bin/python
	@echo "Installing the locked dependencies into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCKED)
	@touch $@

$(DEV): | .venv/bin/python
	@echo "Installing the locked development dependencies into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ $(RUN)

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Kinora needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 " ) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
