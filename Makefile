# Every target works on a machine with nothing but Python 3.11 or newer and make; CI runs the same.
PY := .venv/bin/python
SEMTOKEN := .venv/bin/semtoken
SOURCES := compressor server tests scripts loadtest
# For eval: files of questions and of running text, as in DATA="a.jsonl b.jsonl".
DATA ?= bundled
LM_DATA ?= bundled
METHODS ?= none,truncate,head-tail,random-sentence,random-token,bm25,centroid,embedding,entropy-prune,semtoken

.PHONY: help install system-packages models fix check test demo serve eval bench-passthrough

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install:  ## virtual environment in .venv with everything; a second run installs nothing
	@scripts/install

system-packages:
	@scripts/system-packages

models: install  ## the bundled small models, in the user's cache
	@$(SEMTOKEN) models prepare

fix: install  ## format, and mend what can be mended without thought
	$(PY) -m ruff check --fix $(SOURCES)
	$(PY) -m ruff format $(SOURCES)

check: install  ## format, lint, types, architecture contract
	$(PY) -m ruff format --check $(SOURCES)
	$(PY) -m ruff check $(SOURCES)
	$(PY) -m mypy
	.venv/bin/lint-imports

test: system-packages models  ## all tests
	$(PY) -m pytest $(ARGS)

demo: system-packages install  ## a real long prompt through a real engine, compression off and on
	@$(SEMTOKEN) demo

serve: system-packages install  ## the gateway with an engine of its own on 127.0.0.1:8080
	@$(SEMTOKEN) serve $(ARGS)

eval: models  ## quality of every method at the same budget; DATA="FILE ..." and LM_DATA for other data
	$(SEMTOKEN) eval qa $(foreach file,$(DATA),--data $(file)) --methods $(METHODS) --ratio 2.4,4 $(ARGS)
	$(SEMTOKEN) eval lm $(foreach file,$(LM_DATA),--data $(file)) --methods $(METHODS) --ratio 2.4 $(ARGS)

bench-passthrough: models  ## what the gateway itself costs, beside LiteLLM's proxy and vLLM's router (a quarter of an hour)
	@scripts/system-packages wrk
	$(PY) -m loadtest.passthrough $(ARGS)
