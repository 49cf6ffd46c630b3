# `make help` lists what there is. Each target sets up what it needs; the second time that is quick.

SHELL := /bin/sh
BIN := .venv/bin
PYTEST_ARGS ?=
TEST_PROCESSES ?= 3
SCHEMA ?= docs/openapi.json
.DEFAULT_GOAL := help

.PHONY: help demo up down dev test lint types schema bench clean setup setup-dev lock screenshots \
	setup-python setup-dashboard lint-python lint-dashboard types-python types-dashboard

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## Start the platform and run the example pipeline on a real repository
	@$(BIN)/djinn demo $(ARGS)

up: setup ## Start the platform here; Ctrl-C stops it (ARGS=--detach: in the background)
	@$(BIN)/djinn up $(ARGS)

down: setup ## Stop the platform
	@$(BIN)/djinn down

dev: setup-dev ## Start the platform and, beside it, the dashboard with hot reload
	@$(BIN)/djinn up --detach
	@cd frontend && npm run dev

test: setup-dev ## Run all tests (PYTEST_ARGS="-k word" chooses; "-n 0": one after another)
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder \
		$(PYTEST_ARGS)

lint: lint-python lint-dashboard ## ruff, import-linter, migrations, eslint

lint-python: setup-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/check_migrations.py

lint-dashboard: setup-dev
	@cd frontend && npm run --silent generate >/dev/null && npm run --silent lint

types: types-python types-dashboard ## mypy --strict, tsc

types-python: setup-dev
	@$(BIN)/mypy djinnbot apps workers tests

types-dashboard: setup-dev
	@cd frontend && npm run --silent types

schema: setup-dev ## Write the OpenAPI schema, checked, to docs/openapi.json
	@DJANGO_SETTINGS_MODULE=djinnbot.settings.test $(BIN)/python manage.py spectacular \
		--format openapi-json --validate --fail-on-warn --file $(SCHEMA)

bench: setup-dev ## Measure what must be fast; prints medians and ratios
	@$(BIN)/python -m tests.benchmarks $(ARGS)

lock: setup-dev ## Resolve requirements/*.in again
	@scripts/lock.sh

screenshots: setup-dev ## Pictures of every page, wide and narrow, light and dark, into screenshots/
	@$(BIN)/python -m pytest -q -n 0 tests/dashboard/screenshots.py

clean: ## Remove environments and caches; data of the platform stays
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf djinnbot.egg-info build dist htmlcov .coverage frontend/node_modules frontend/dist

setup:
	@scripts/bootstrap.sh run
	@scripts/dashboard.sh run

setup-dev: setup-python setup-dashboard

setup-python:
	@scripts/bootstrap.sh dev

setup-dashboard:
	@scripts/dashboard.sh dev
