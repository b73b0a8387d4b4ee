# Deep by Addition. `make help` lists what there is.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
# PyTorch's threads spin while they wait. Short spins, or they block the cores of a busy machine.
export GOMP_SPINCOUNT := 10000
.PHONY: help book test notebooks frame seeds benchmarks lint lab clean

# Say on the last line how long a command took: the first line of its recipe stores the start.
STARTED = @date +%s > .venv/started
TOOK = @echo "make $@: done in $$(( $$(date +%s) - $$(cat .venv/started) )) s, after installation"

help:  ## List the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 12

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version)." \
		"Try: make PYTHON=python3.12"; exit 1; }
	@echo "Installing into .venv: 2 to 10 minutes, most of it PyTorch."
	@start=$$(date +%s); \
	$(PYTHON) -m venv .venv \
		&& $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt \
		&& echo "Installed in $$(( $$(date +%s) - start )) s."
	@# Kernels warn at every start that they use TCP, which on one's own machine is no news.
	@mkdir -p .venv/etc/ipython
	@echo 'c.IPKernelApp.log_level = "ERROR"' > .venv/etc/ipython/ipython_kernel_config.py
	@touch $@

book: .venv/installed  ## Run every notebook and build the web book (about 6 minutes)
	$(STARTED)
	@echo "Running every notebook and building the web book: about 6 minutes on two cores."
	@$(BIN)/jupyter-book build . --all --warningiserror --keep-going --quiet
	@echo "The book is ready. Open this file in a browser:"
	@echo "    $(CURDIR)/_build/html/index.html"
	$(TOOK)

test: .venv/installed  ## Run all tests, the notebooks' saved outputs included (about 15 minutes)
	$(STARTED)
	@echo "Testing the helpers, the pages and every notebook: about 15 minutes on two cores."
	@$(BIN)/python -m pytest
	@$(BIN)/python -m pytest --nbval notebooks
	$(TOOK)

notebooks: .venv/installed  ## Run every notebook and save its outputs (after a change)
	$(STARTED)
	@$(BIN)/python book/_tools/execute.py
	$(TOOK)

frame: .venv/installed  ## Write the badges and set-up cells anew from _config.yml
	@$(BIN)/python book/_tools/frame.py

seeds: .venv/installed  ## Check that every claim holds for seeds 0 to 4 (about 30 minutes)
	$(STARTED)
	@$(BIN)/python book/_tools/seeds.py
	$(TOOK)

benchmarks: .venv/installed  ## Time the book's code beside the lecture notes' (about 2 minutes)
	$(STARTED)
	@$(BIN)/python -m benchmarks --write
	$(TOOK)

lint: .venv/installed  ## Format and check the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lab: .venv/installed  ## Open the notebooks in JupyterLab
	@$(BIN)/jupyter lab notebooks

clean:  ## Remove the environment and everything that was built
	rm -rf .venv _build
