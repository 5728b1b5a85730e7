# `make run` starts the console, `make test` runs every test; both set up what they need first.
SHELL := /bin/bash
PY := .venv/bin/python
N ?= 500
COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --quiet --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

.PHONY: help install install-dev install-bench run fast test check format lint types imports chaos bench requirements

help:
	@echo "make run            install what is missing and start the console on http://127.0.0.1:8080"
	@echo "make install        the set-up alone"
	@echo "make fast           the quick kinds: unit, db, contracts; ARGS=... goes to pytest"
	@echo "make test           every test, browser tests included; ARGS=... goes to pytest"
	@echo "make check          format, lint, types, imports, then the tests"
	@echo "make chaos N=500    kill and restart the console N times"
	@echo "make bench          the benchmarks"
	@echo "make requirements   pin the requirements anew; UPGRADE=1 to the newest that fit"

install: .venv/.runtime
install-dev: .venv/.dev
install-bench: .venv/.benchmarks

.venv/.python:
	@.ci/venv

.venv/.runtime: requirements.txt | .venv/.python
	@.ci/venv requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.runtime
	@.ci/venv requirements-dev.txt
	@touch $@

.venv/.benchmarks: requirements-benchmarks.txt .venv/.dev
	@.ci/venv requirements-benchmarks.txt
	@touch $@

run: install
	@$(PY) main.py

fast: install-dev
	@$(PY) -m pytest tests/unit tests/db tests/contracts -n auto --dist worksteal $(ARGS)

test: install-dev
	@browser=$$(.ci/chromium) || exit 1; if [ -z "$$browser" ]; then without=(-m "not browser"); fi; \
	BA2_CHROMIUM="$$browser" $(PY) -m pytest -n auto --dist loadscope --no-loadscope-reorder "$${without[@]}" $(ARGS)

check: format lint types imports test

format: install-dev
	@$(PY) -m ruff format --check .

lint: install-dev
	@$(PY) -m ruff check .

types: install-dev
	@$(PY) -m mypy

imports: install-dev
	@.venv/bin/lint-imports

chaos: install-dev
	@BA2_CHAOS_KILLS=$(N) $(PY) -m pytest tests/chaos --timeout=0

bench: install-bench
	@$(PY) -m benchmarks

requirements:
	$(COMPILE) -o requirements.txt
	$(COMPILE:pyproject.toml=--group dev) -c requirements.txt -o requirements-dev.txt
	$(COMPILE:pyproject.toml=--group benchmarks) -c requirements.txt -c requirements-dev.txt -o requirements-benchmarks.txt
