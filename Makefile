# Two commands on a fresh machine: make demo, make test. Each makes .venv by itself.
PYTHON ?= python3
BIN := .venv/bin
UV := 0.13.9
lang ?=
study ?= flipstats-demo

.DEFAULT_GOAL := help
.PHONY: help demo test style check lab dashboard bench fuzz lock docs site pictures clean

help: ## say what each command does
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

.venv/.ready: requirements.lock pyproject.toml
	@echo "Setting up .venv (once)…"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "flipstats needs Python 3.11 or newer; say which with make PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: .venv/.ready ## sample exports to a report, and what it says (lang=fr for French)
	@$(BIN)/flipstats demo --out flipstats-demo $(if $(lang),--lang $(lang))

test: .venv/.ready ## the tests, without the slow ones
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow"

style: .venv/.ready ## style, and imports that go downwards
	@$(BIN)/ruff check . && $(BIN)/ruff format --check --quiet . && $(BIN)/lint-imports

check: style ## style, imports, and every test, the slow ones too
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile

lab: .venv/.ready ## JupyterLab on a study (study=DIR)
	@$(BIN)/flipstats lab $(study)

dashboard: .venv/.ready ## the page of a study, in a browser (study=DIR)
	@$(BIN)/flipstats dashboard $(study)

bench: .venv/.ready ## speed, as ratios to other engines in the same run
	@$(BIN)/python benchmarks/run.py --events 1000000
	@$(BIN)/python benchmarks/readers.py

fuzz: .venv/.ready ## look for what breaks our parsers, for seconds=300 (needs the extra fuzz: atheris)
	@$(BIN)/python tests/fuzz/fuzz_parsers.py $(or $(seconds),300)

docs: .venv/.ready ## write the generated pages of docs/ anew
	@$(BIN)/python -m flipstats.dictionary docs
	@$(BIN)/python -m flipstats.indicator_dictionary docs

site: .venv/.ready ## the documentation site, in build/site
	@$(BIN)/sphinx-build -q -W -n --keep-going -d build/doctrees/en docs build/site
	@SITE_LANGUAGE=fr $(BIN)/sphinx-build -q -W -n --keep-going -d build/doctrees/fr docs build/site/fr
	@echo "build/site/index.html, build/site/fr/index.fr.html"

pictures: .venv/.ready ## the pictures of the README, the site and its gallery anew (needs chromium)
	@$(BIN)/python docs/pictures.py

lock: .venv/.ready ## resolve the dependencies again into requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --extra dev --extra duckdb --extra docs --extra figures --universal --python-version 3.11 --no-header --quiet -o requirements.lock --upgrade

clean: ## remove the environment and what the demo made
	@rm -rf .venv flipstats-demo
