"""An engine without a model, on a loopback port: speaks vLLM's HTTP, records what it gets, can misbehave."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import torch
from aiohttp import web
from semtoken import InvalidInputError, ServedTokenizer
from semtoken_server.token_chats.routes import DERENDER, GENERATE, RENDER

from fakes import dialects, scale_out

WORDS = ("The", " answer", " is", " 42", ".")
MODEL = "fake-model"
TROUBLE_AT = 2
"""Words that come before a stream goes wrong."""
Behaviour = Literal[
    "answer", "stall", "stall_midway", "die", "die_midway", "end_midway", "break_body", "refuse", "busy"
]


Replays = Literal["score", "stall", "refuse", "die", "babble"]
Embeds = Literal["off", "on", "foreign"]
_NO_EMBEDS = "You must set `--enable-prompt-embeds` to input `prompt_embeds`."


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakeEngine:
    """Answers ``WORDS`` as long as ``behaviour`` does not say otherwise."""

    tokenizer: ServedTokenizer
    behaviour: Behaviour = "answer"
    tokenize_status: int = 200
    healthy: bool = True
    model: str = MODEL
    """The base model that it lists, beside an adapter of it."""
    lists: bool = True
    """Whether it tells what models it serves."""
    embeds: Embeds = "off"
    """Whether it takes input embeddings, and as the vectors of which model."""
    scale_out: bool = False
    """Whether it was started with ``--enable-scale-out``."""
    parses: bool = False
    """Whether it has a parser for tool calls, which wants to know the prompt."""
    calls: list[dict[str, Any]] | None = None
    """Tool calls that its parser finds in an answer in one piece."""
    derenders: int | None = None
    """How often it makes token ids text before it fails to."""
    rendered: list[Received] = field(default_factory=list)
    """Chats to be rendered."""
    derendered: list[Received] = field(default_factory=list)
    """Token ids to be made text."""
    window: int | None = None
    """Tokens of its context; None: it does not tell and takes everything."""
    received: list[Received] = field(default_factory=list)
    """Generations, in the order of their arrival."""
    replays: Replays = "score"
    """How it takes requests for a prompt's log-probabilities."""
    drift: float = 0.0
    """Nats by which each token is less likely after a prompt that a gateway replays in full."""
    scored: list[Received] = field(default_factory=list)
    """Requests for a prompt's log-probabilities."""
    passed: list[Received] = field(default_factory=list)
    """Requests to the routes that answer with what they were sent."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a generation has come in."""
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a generation's client has gone away."""
    resume: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends a stall, and lets what happens midway happen."""
    refuses_odd: bool = False
    """Whether a request that it cannot read is a 400, as for vLLM, and no fault of a test."""
    url: str = ""
    _runner: web.AppRunner | None = None

    @property
    def name(self) -> str:
        """What the gateway calls it in health and metrics."""
        return self.url.removeprefix("http://")

    @property
    def last(self) -> Received:
        return self.received[-1]

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_get("/health", self._health)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_post("/tokenize", self._tokenize)
        for path in (dialects.CHAT, dialects.COMPLETIONS, dialects.RESPONSES, dialects.MESSAGES):
            app.router.add_post(path, self._generate)
        app.router.add_post(GENERATE, self._generate)
        app.router.add_post(RENDER, self._render)
        app.router.add_post(DERENDER, self._derender)
        for path in ("/v1/embeddings", "/detokenize", "/sleep", "/v1/messages/count_tokens"):
            app.router.add_post(path, self._echo)
        # With cancellation a handler learns that its client has gone, as vLLM's do.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Listen no more; a second time is one too many and does nothing."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(status=200 if self.healthy else 503)

    async def _models(self, _request: web.Request) -> web.Response:
        if not self.lists:
            return _refused("not here", 404)
        adapter = {"id": "adapter", "object": "model", "root": "/adapters/1", "parent": self.model}
        base = {"id": self.model, "object": "model", "root": "fake-root", "parent": None, "max_model_len": self.window}
        return web.json_response({"object": "list", "data": [adapter, base]})

    async def _metrics(self, _request: web.Request) -> web.Response:
        """As vLLM counts its prefix cache; every second token of a prompt is found."""
        queries = sum(self._usage(received.path, received.json)["prompt_tokens"] for received in self.received)
        found = (("hits", queries // 2), ("queries", queries))
        lines = [f'vllm:prefix_cache_{name}_total{{engine="0",model_name="x"}} {value}.0' for name, value in found]
        return web.Response(text="\n".join(["# TYPE vllm:prefix_cache_hits counter", *lines, ""]))

    async def _tokenize(self, request: web.Request) -> web.Response:
        if self.tokenize_status != 200:
            return web.json_response({"error": {"message": "no"}}, status=self.tokenize_status)
        asked = await request.json()
        if self.refuses_odd and not (isinstance(asked, dict) and isinstance(asked.get("prompt"), str)):
            return web.json_response(
                {"error": {"message": "unreadable", "type": "BadRequestError", "param": None, "code": 400}}, status=400
            )
        if "messages" in asked:
            count = self.tokenizer.count_messages(asked["messages"])
            return web.json_response({"count": count, "max_model_len": 8192, "tokens": [0] * count})
        ids = self.tokenizer.ids(asked["prompt"], special_tokens=asked.get("add_special_tokens", True))
        return web.json_response({"count": len(ids), "max_model_len": 8192, "tokens": ids})

    async def _echo(self, request: web.Request) -> web.Response:
        self.passed.append(await _received(request))
        headers = {"set-cookie": "session=engine", "x-request-id": "engine-made"}
        if b'"bytes"' in self.passed[-1].body:
            headers["metadata"] = json.dumps({"data": [{"index": number, "shape": [384]} for number in range(500)]})
        return web.Response(body=self.passed[-1].body, content_type="application/json", headers=headers)

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        received = await _received(request)
        if "-quality-" in received.headers.get("x-request-id", ""):
            return await self._score(request, received)
        self.received.append(received)
        self.arrived.set()
        asked = self.last.json
        if self.embeds == "off" and b"prompt_embeds" in self.last.body:
            error = {"message": _NO_EMBEDS, "type": "BadRequestError", "param": "prompt_embeds", "code": 400}
            return web.json_response({"error": error}, status=400)
        if (fault := self._over_window(request.path, asked)) is not None:
            error = {"message": fault, "type": "BadRequestError", "param": "input_tokens", "code": 400}
            return web.json_response({"error": error}, status=400)
        if self.refuses_odd and not self._readable(request.path, asked):
            return web.json_response(
                {"error": {"message": "unreadable", "type": "BadRequestError", "param": None, "code": 400}}, status=400
            )
        try:
            if (misbehaved := await self._misbehave(request)) is not None:
                return misbehaved
            return await (self._stream(request, asked) if asked.get("stream") else self._whole(request, asked))
        except (asyncio.CancelledError, ConnectionResetError):
            self.cancelled.set()
            raise

    async def _render(self, request: web.Request) -> web.Response:
        self.rendered.append(await _received(request))
        if not self.scale_out:
            return _refused(scale_out.DISABLED, 403)
        if self.behaviour == "refuse":
            return _refused("max_tokens is too large", 400)
        return web.json_response(scale_out.rendered(self.tokenizer, self.rendered[-1].json, self.window or 8192))

    async def _derender(self, request: web.Request) -> web.Response:
        self.derendered.append(await _received(request))
        asked = self.derendered[-1].json
        if self.parses and asked.get("prompt_token_ids") is None:
            return _refused(scale_out.NO_PROMPT, 400)
        if self.derenders is not None and len(self.derendered) > self.derenders:
            return _refused("invalid stream_state: derender failed", 400)
        return web.json_response(scale_out.derendered(asked, WORDS, self.calls))

    async def _score(self, request: web.Request, received: Received) -> web.Response:
        """As vLLM does: the log-probability of each token of the prompt after those before it."""
        self.scored.append(received)
        if self.replays == "stall":
            try:
                await self._stalled()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        if self.replays == "die":
            _hang_up(request)
        if self.replays == "refuse":
            return web.json_response({"error": {"message": "too long", "code": 400}}, status=400)
        if self.replays == "babble":
            return web.Response(body=b'{"prompt_logprobs": 7}', content_type="application/json")
        asked = received.json
        less = self.drift if received.headers["x-request-id"].endswith("-quality-full") else 0.0
        chat = "messages" in asked
        if chat:
            *before, answer = asked["messages"]
            ids = [0] * self.tokenizer.count_messages(before, asked.get("tools"))
            ids += self.tokenizer.ids(answer["content"])
        else:
            ids = asked["prompt"]
        scored = [None, *({str(number): {"logprob": -1.0 - less, "rank": 1}} for number in ids[1:])]
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length"}
        beside = {"prompt_logprobs": scored} if chat else {}
        choices = [choice if chat else {**choice, "prompt_logprobs": scored}]
        return web.json_response({"id": "x", "model": MODEL, "choices": choices, **beside})

    def _readable(self, path: str, asked: Any) -> bool:
        try:
            self._prompt_lengths(path, asked)
            (asked.get("stream_options") or {}).get("include_usage")
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, InvalidInputError):
            return False
        return True

    def _over_window(self, path: str, asked: Any) -> str | None:
        """What vLLM 0.32 says of a prompt that is over the context, and of an answer that alone would be."""
        if self.window is None:
            return None
        names = ("max_completion_tokens", "max_tokens", "max_output_tokens")
        wanted = next((asked[name] for name in names if asked.get(name)), 0)
        if wanted > self.window:
            return f"max_tokens={wanted} cannot be greater than max_model_len={self.window}."
        longest = max(self._prompt_lengths(path, asked))
        if longest <= self.window:
            return None
        return (
            f"This model's maximum context length is {self.window} tokens. However, your prompt contains {longest} "
            "input tokens, which exceeds this limit even without any output tokens."
        )

    async def _misbehave(self, request: web.Request) -> web.StreamResponse | None:
        if self.behaviour == "refuse":
            error = {"message": "max_tokens is too large", "type": "BadRequestError", "param": None, "code": 400}
            return web.json_response({"error": error}, status=400)
        if self.behaviour == "busy":
            return web.json_response({"error": {"message": "busy"}}, status=503, headers={"retry-after": "7"})
        if self.behaviour == "stall":
            await self._stalled()
        if self.behaviour == "die":
            _hang_up(request)
            return web.Response()
        if self.behaviour == "break_body":
            broken = web.StreamResponse(headers={"content-type": "application/json", "content-length": "1000"})
            await broken.prepare(request)
            await broken.write(b'{"id":')
            _hang_up(request)
            return broken
        return None

    async def _stalled(self) -> None:
        async with asyncio.timeout(60):
            await self.resume.wait()

    async def _whole(self, request: web.Request, asked: Any) -> web.Response:
        usage = self._usage(request.path, asked)
        if request.path in (dialects.RESPONSES, dialects.MESSAGES):
            return web.json_response(dialects.whole(request.path, WORDS, usage))
        if request.path == GENERATE:
            return web.json_response(scale_out.whole(WORDS, usage))
        choice = {"index": 0, "finish_reason": "stop", **_said(request, "message", "".join(WORDS))}
        if asked.get("logprobs"):
            foreign = self.embeds == "foreign" and "prompt_embeds" in asked
            choice["logprobs"] = {"tokens": list(WORDS), "token_logprobs": [-3.0 if foreign else -0.5] * len(WORDS)}
        return web.json_response({"id": "x", "model": MODEL, "choices": [choice], "usage": usage})

    async def _stream(self, request: web.Request, asked: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        path = request.path
        for event in dialects.first(path):
            await response.write(event)
        for number, word in enumerate(WORDS):
            if number == TROUBLE_AT and self.behaviour in ("stall_midway", "die_midway", "end_midway"):
                # What a client has received but not read is lost with the connection: who wants
                # to see the words before the trouble takes them first.
                await self._stalled()
                if self.behaviour == "die_midway":
                    _hang_up(request)
                if self.behaviour != "stall_midway":
                    return response
            ids = path == GENERATE
            await response.write(dialects.event(scale_out.piece(number, WORDS)) if ids else dialects.word(path, word))
        asked_for = bool((asked.get("stream_options") or {}).get("include_usage"))
        usage = self._usage(path, asked)
        if path == GENERATE and asked_for:
            await response.write(dialects.event(scale_out.usage_piece(usage)))
        for event in dialects.last(path, WORDS, usage, asked_for=asked_for and path != GENERATE):
            await response.write(event)
        return response

    def _usage(self, path: str, asked: Any) -> dict[str, int]:
        count = sum(self._prompt_lengths(path, asked))
        return {"prompt_tokens": count, "completion_tokens": len(WORDS), "total_tokens": count + len(WORDS)}

    def _prompt_lengths(self, path: str, asked: Any) -> list[int]:
        prompt = asked.get("prompt")
        if path == GENERATE:
            return [len(asked["token_ids"])]
        if "prompt_embeds" in asked:
            return [len(vectors_of(data)) for data in _listed(asked["prompt_embeds"])]
        if prompt is None:
            messages = dialects.heard(path, asked)
            parts = [part for message in messages for part in _listed(message.get("content"))]
            embeds = [part["data"] for part in parts if isinstance(part, dict) and part["type"] == "prompt_embeds"]
            rendered = self.tokenizer.count_messages(messages, asked.get("tools"))
            return [rendered + sum(map(len, map(vectors_of, embeds)))]
        return [len(p) if isinstance(p, list) else self.tokenizer.count(p) for p in _prompts(prompt)]


def _refused(message: str, status: int) -> web.Response:
    error = {"message": message, "type": "BadRequestError", "param": None, "code": status}
    return web.json_response({"error": error}, status=status)


async def _received(request: web.Request) -> Received:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Received(request.path, headers, await request.read())


def _prompts(prompt: Any) -> list[Any]:
    return prompt if isinstance(prompt, list) and isinstance(prompt[0], list | str) else [prompt]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def vectors_of(data: str) -> torch.Tensor:
    """What vLLM reads: base64 of a saved tensor of (tokens, d), to which nothing else may be attached."""
    tensor = torch.load(io.BytesIO(base64.b64decode(data, validate=True)), weights_only=True)
    if not (isinstance(tensor, torch.Tensor) and tensor.ndim == 2 and tensor.is_floating_point()):
        raise TypeError("no table of vectors")
    return tensor


def _said(request: web.Request, chat_field: str, text: str) -> dict[str, Any]:
    chat = request.path.endswith("/chat/completions")
    return {chat_field: {"role": "assistant", "content": text}} if chat else {"text": text}


def _hang_up(request: web.Request) -> None:
    """End the connection as the system does for a process that died: what it wrote still arrives."""
    if request.transport is not None:
        request.transport.close()
