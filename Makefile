# Every target works on a machine with nothing but Python 3.11 or newer and make; CI runs the same.
PY := .venv/bin/python
SEMTOKEN := .venv/bin/semtoken
BANDIT := .venv/bin/bandit --quiet --configfile pyproject.toml --recursive compressor server scripts
SOURCES := compressor server tests scripts loadtest
# For eval: files of questions and of running text, as in DATA="a.jsonl b.jsonl".
DATA ?= bundled
LM_DATA ?= bundled
# Name of the image that is built.
IMAGE ?= localhost/semtoken:dev
# Where bench writes its results; for the longest texts name files of your own, as in BENCH_DATA="a.txt b.txt".
BENCH_DATA ?=
BENCH ?= build/bench
METHODS ?= none,truncate,head-tail,random-sentence,random-token,bm25,centroid,embedding,entropy-prune,semtoken

.PHONY: help install clients system-packages test-packages models fix check dashboards image constraints test demo serve eval bench bench-passthrough loadtest audit fuzz

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install:  ## virtual environment in .venv with everything; a second run installs nothing
	@scripts/install

clients:  ## client libraries for the tests, in .venv-clients
	@scripts/clients

system-packages:
	@scripts/system-packages

test-packages:
	@scripts/system-packages redis-server wrk haproxy nginx chromium prometheus

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
	$(BANDIT)

dashboards: install  ## the Grafana dashboards in deploy/grafana from their code in scripts/dashboards; for Kubernetes them and the alerts
	$(PY) scripts/grafana_dashboards.py

image: install  ## the gateway's container image, without a registry or a Docker engine; then a gateway out of it is tried
	@scripts/system-packages buildah debootstrap
	@IMAGE=$(IMAGE) scripts/image --target gateway
	IMAGE=$(IMAGE) $(PY) -m pytest tests/integration/image

constraints:  ## deploy/constraints.txt, the versions that the image is built with, as pip chooses them now
	@scripts/constraints

audit: install  ## known vulnerabilities of what is installed (asks PyPI's vulnerability service), and insecure code
	$(BANDIT)
	.venv/bin/pip-audit --local --skip-editable --desc off

FUZZ_SECONDS ?= 660
fuzz: install  ## the segmenter under atheris; what fails it is written to build/fuzz
	$(PY) -m pip install --quiet 'atheris>=3,<4'
	@mkdir -p build/fuzz-corpus
	PYTHONPATH=tests $(PY) -m fuzz segmenter -max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=4096 build/fuzz-corpus tests/fuzz/corpus/segmenter

test: test-packages models clients  ## all tests
	$(PY) -m pytest $(ARGS)

demo: system-packages install  ## a real long prompt through a real engine, compression off and on
	@$(SEMTOKEN) demo

serve: system-packages install  ## the gateway with an engine of its own on 127.0.0.1:8080
	@$(SEMTOKEN) serve $(ARGS)

eval: models  ## quality of every method at the same budget; DATA="FILE ..." and LM_DATA for other data
	$(SEMTOKEN) eval qa $(foreach file,$(DATA),--data $(file)) --methods $(METHODS) --ratio 2.4,4 $(ARGS)
	$(SEMTOKEN) eval lm $(foreach file,$(LM_DATA),--data $(file)) --methods $(METHODS) --ratio 2.4 $(ARGS)

bench: system-packages models  ## speed of compressor and gateway beside the targets (an hour); BENCH=FOLDER for the results
	@mkdir -p $(BENCH)
	$(SEMTOKEN) bench compressor --tokens 1024,2048,4096,16384,49152 $(addprefix --data ,$(BENCH_DATA)) --json $(BENCH)/compressor.json
	$(SEMTOKEN) bench compressor --methods semtoken,llmlingua --tokens 1024,4096 --runs 3 --json $(BENCH)/compressor_peers.json
	$(SEMTOKEN) bench gateway --runs 7 --json $(BENCH)/gateway.json
	$(SEMTOKEN) bench calibrate --lengths 256,512,1024,2048,4096 --runs 3 --json $(BENCH)/calibrate.json
	$(SEMTOKEN) bench prefixes --json $(BENCH)/prefixes.json
	$(SEMTOKEN) bench clients --json $(BENCH)/clients.json
	$(SEMTOKEN) bench lag --json $(BENCH)/lag.json
	$(SEMTOKEN) bench floor --json $(BENCH)/floor.json
	@scripts/system-packages wrk
	$(PY) -m loadtest.passthrough --json $(BENCH)/passthrough.json
	$(PY) scripts/performance_page.py $(BENCH)

bench-passthrough: models  ## what the gateway itself costs, beside LiteLLM's proxy and vLLM's router (a quarter of an hour)
	@scripts/system-packages wrk
	$(PY) -m loadtest.passthrough $(ARGS)

loadtest: system-packages models  ## a gateway with its own engine under load, compression on against off, into build/loadtest (ten minutes)
	$(PY) -m loadtest --embedded --rates 0.05,0.1,0.2 --seconds 60 --slo-ttft 10 --slo-inter-token 0.5 $(ARGS)
