# Everything a person or CI does here. Works on a fresh Debian 12 machine as root: what is missing is installed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
# With it each of the many Pythons that a run starts would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
PYTHON := .venv/bin/python
LAB := PYTHONPATH=tests $(PYTHON) -m lab
SOURCES := watchdog tests grafana
# Measuring coverage makes tests slow, so only those run with it that the core is judged by.
CORE_TESTS := tests/core tests/telemetry/test_kv.py tests/runtime/test_pause_and_events.py
# How much `make soak` plays: make soak N=20000 SEEDS=1000
N ?= 2000
SEEDS ?= 100

.PHONY: help setup check format lock test test-fast test-core-and-simulation test-ports test-alerts test-lab soak bench faults run lab-up lab-down clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.complete ## install what development needs: Debian packages, uv, the locked Python packages

.venv/.complete: requirements/dev.lock requirements/bootstrap.lock scripts/bootstrap
	scripts/bootstrap

check: setup ## formatting, lint, types, layers
	.venv/bin/ruff format --check $(SOURCES)
	.venv/bin/ruff check $(SOURCES)
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache

format: setup ## let ruff format and fix
	.venv/bin/ruff format $(SOURCES)
	.venv/bin/ruff check --fix $(SOURCES)

lock: ## resolve the locked versions anew (needs uv: make setup)
	scripts/lock

test: check test-fast test-lab ## everything: checks, the quick tests, then all tests against the real parts

# Three heaps of about the same size, side by side: the second one waits for most of its time.
test-fast: setup ## the tests that need no lab; the core must be covered in every branch
	$(MAKE) --no-print-directory --jobs=3 --output-sync=target test-core-and-simulation test-ports test-alerts

test-core-and-simulation: setup
	.venv/bin/pytest $(CORE_TESTS) --cov=nova_watchdog.core --cov-report=
	.venv/bin/coverage report --include='*/nova_watchdog/core/*' --fail-under=100
	.venv/bin/pytest tests/simulation

test-alerts: setup
	.venv/bin/pytest -m "not lab" tests/alerts tests/grafana

test-ports: setup
	.venv/bin/pytest -m "not lab" --ignore=tests/core --ignore=tests/simulation --ignore=tests/alerts --ignore=tests/grafana

test-lab: setup ## the tests against the real parts, in a lab of their own
	scripts/test-lab

run: setup ## the main job: a lab of real parts, the daemon watching it, and how to break something
	$(LAB) up --policy tests/acceptance/policy.toml
	$(LAB) watch

soak: setup ## simulate as much as you ask for: N= random schedules and runs of 25 min, SEEDS= runs of 1 h
	NOVA_WATCHDOG_SOAK=$(N) .venv/bin/pytest tests/simulation -p no:cacheprovider
	scripts/soak $(SEEDS)

bench: setup ## print what speed and memory cost, beside their goals, and how long recovery takes in a lab
	PYTHONPATH=watchdog:tests $(PYTHON) -m bench
	scripts/bench-failover

faults: setup ## make docs/faults.md anew from the last run of test-lab
	PYTHONPATH=tests $(PYTHON) -m acceptance.fault_table .lab/faults.jsonl >docs/faults.md

lab-up: setup ## start the lab (idempotent)
	$(LAB) up --policy tests/acceptance/policy.toml

lab-down: setup ## stop the lab and leave nothing behind (idempotent)
	$(LAB) down

clean: ## remove what the targets made here (not the lab's cache)
	rm -rf .venv .cache .lab .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage dist
