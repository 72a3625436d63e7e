# make demo   a virtual environment, the project in it, the example scored
# make test   what the tests need, and all of them, against the installed wheel
# make docs   the site, in build/docs/index.html; a warning is an error
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find crowdeval baselines -type f -not -name '*.pyc') pyproject.toml README.md LICENSE

.PHONY: demo test check docs clean

demo: $(VENV)/.installed
	$(BIN)/crowdeval score examples/crowd/preds.json examples/crowd/gt.json --delta 0.05:0.05:0.5

test: check
	CROWDEVAL_INSTALLED=1 OMP_NUM_THREADS=1 $(BIN)/python -P -m pytest -n auto

check: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.documented
	rm -rf docs/_made docs/commands docs/api.md
	$(BIN)/python -P -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "build/docs/index.html"

clean:
	rm -rf $(VENV) build dist

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(SOURCES) | $(BIN)/python
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(BIN)/python -m pip install --quiet --force-reinstall --no-deps build/wheel/*.whl
	$(BIN)/python -m pip install --quiet build/wheel/*.whl
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet "$$(ls build/wheel/*.whl)[dev]"
	touch $@

$(VENV)/.documented: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet "$$(ls build/wheel/*.whl)[docs]"
	touch $@
