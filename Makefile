# Deep by Addition. `make help` lists what there is.
# To install the versions that the last green run had: PIP_CONSTRAINT=constraints.txt make book
PYTHON ?= python3
PY := .venv/bin/python
# Two workers, a thread each: a file's tests stay together, since they share a browser or a book.
# Not nbval, which takes seconds to load and is for the notebooks.
ON_BOTH_CORES := OMP_NUM_THREADS=1 $(PY) -m pytest -q -p no:nbval -n 2 --dist loadfile
# The examples in docstrings are tests as well.
EVERYWHERE := --doctest-modules resnet_helpers tests
.DEFAULT_GOAL := help
.PHONY: help book read slides pdf test check lint figures format notebooks seeds benchmarks lab frame \
	address constraints installed dev clean

help:  ## List the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 13

book: installed  ## Build the web book: readable in a minute, every chapter run in 5 to 9
	@$(PY) book/_tools/make_book.py

read: installed  ## Build the web book from the chapters' saved outputs (about a minute)
	@$(PY) book/_tools/make_book.py --read

slides: installed  ## Make the lectures in _build/html/lectures from saved outputs (half a minute)
	@$(PY) book/_tools/slides.py

pdf: dev  ## Print the built book into _build/deep-by-addition.pdf, by Chromium (about a minute)
	@$(PY) book/_tools/pdf.py

test: dev  ## Run all tests, the notebooks' saved outputs included (9 to 14 minutes after make book)
	@$(ON_BOTH_CORES) -m "not timing" $(EVERYWHERE)
	@$(PY) -m pytest -q -m timing $$(grep -rl mark.timing tests)
	@$(PY) book/_tools/execute.py
	@PYTHONPATH=book/_tools $(PY) -m pytest -q -p replay --nbval notebooks

check: lint  ## Check the code, its types and examples, and run the fast tests (one to two minutes)
	@$(ON_BOTH_CORES) -m "not process and not browser and not timing" $(EVERYWHERE)

lint: dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m basedpyright --pythonpath $(PY)

figures:  ## Check the types of the figures' JavaScript, by npm's TypeScript
	@npx --yes -p typescript@5.9 tsc --allowJs --checkJs --noEmit --noUnusedLocals \
		--target esnext --module esnext resnet_helpers/figures/*.js

format: dev  ## Format the code, and mend what ruff can mend
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

notebooks: installed  ## Run the notebooks that changed, and save their outputs
	@$(PY) book/_tools/execute.py --save

seeds: installed  ## Check that every claim holds for seeds 0 to 4 (about 30 minutes)
	@$(PY) book/_tools/seeds.py

benchmarks: installed  ## Time the book's code beside the lecture notes' (about 2 minutes)
	@$(PY) -m benchmarks --write

lab: installed  ## Open the notebooks in JupyterLab; its options: make lab LAB="--ip=0.0.0.0"
	@$(PY) -m jupyterlab notebooks $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB)

frame: installed  ## Write the badges and set-up cells anew
	@$(PY) book/_tools/frame.py

address: installed  ## Set the repository's address everywhere: make address URL=…
	@$(PY) book/_tools/address.py "$(URL)"

constraints: dev  ## Keep the installed versions in constraints.txt (after a green run)
	@$(PY) -m pip freeze --exclude-editable > .venv/frozen && mv .venv/frozen constraints.txt

# Make .venv or bring it up to date. A PYTHON that somebody names is used even if .venv has another.
installed dev:
	@command -v $(PYTHON) >/dev/null || { echo "There is no command $(PYTHON) here." \
		"Python 3.11 or newer is needed; try: make PYTHON=python3.12 book"; exit 1; }
	@$(PYTHON) book/_tools/install.py $(if $(filter dev,$@),--dev) \
		$(if $(filter-out file,$(origin PYTHON)),--this)

clean:  ## Remove the environment and everything that was built
	rm -rf .venv _build
