"""What goes over the socket: frames of MessagePack, each after its length in four bytes.

Only processes of one gateway, of one version, talk to one another, in a folder that only their user
may enter. Still nothing that is read can run code: the frames are data of the types below.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal, TypeAlias, TypeVar, get_origin

import msgspec
import numpy as np

from semtoken_server.logs.about import About

_LENGTH_BYTES = 4
MAX_FRAME_BYTES = 2**31
"""A prompt is at most as long as a request's body; vectors of its embeddings are some kilobytes a token."""

T = TypeVar("T")


class Start(msgspec.Struct, tag=True, frozen=True):
    """Load the models, if that is not done; answered when they are there or cannot be had."""

    id: int
    tokenizer: str


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for a client's request, or for none."""

    about: About | None = None
    """For the log."""


class Chat(Asked, tag=True, frozen=True):
    """Compress a chat; ``options`` in their JSON form here and below."""

    id: int
    timeout_s: float
    messages: list[Any]
    options: dict[str, Any]
    tools: list[Any] | None
    tenant: str = ""


class Prompts(Asked, tag=True, frozen=True):
    """Compress the prompts of a completion."""

    id: int
    timeout_s: float
    prompts: list[str]
    options: dict[str, Any]
    special_tokens: bool
    tenant: str = ""


class Text(Asked, tag=True, frozen=True):
    """Compress a text."""

    id: int
    timeout_s: float
    text: str
    query: str | None
    options: dict[str, Any]
    tenant: str = ""


class TokenIds(Asked, tag=True, frozen=True):
    """Tokenise texts."""

    id: int
    timeout_s: float
    texts: list[str]


class Embeddings(Asked, tag=True, frozen=True):
    """Look a text's input embeddings up."""

    id: int
    timeout_s: float
    text: str


class Cancel(msgspec.Struct, tag=True, frozen=True):
    """Nobody waits for ``id`` any more."""

    id: int


Work: TypeAlias = Chat | Prompts | Text | TokenIds | Embeddings
Request: TypeAlias = Start | Work | Cancel


class Started(msgspec.Struct, tag=True, frozen=True):
    """The state of the compressor after ``Start``."""

    id: int
    phase: Literal["waiting", "loading", "ready", "failed", "closed"]
    reason: str
    detail: str


class Done(msgspec.Struct, tag=True, frozen=True):
    """A result, of the type that belongs to its request."""

    id: int
    queued_s: float
    ran_s: float
    value: msgspec.Raw


class Failed(msgspec.Struct, tag=True, frozen=True):
    """The request is at fault (``input``, ``option``), or there is no compression to be had."""

    id: int
    kind: Literal["input", "option", "unavailable"]
    message: str
    param: str | None = None
    reason: str = ""


Reply: TypeAlias = Started | Done | Failed


def _array_to_plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [str(value.dtype), list(value.shape), np.ascontiguousarray(value).tobytes()]
    raise NotImplementedError(f"{type(value)} does not go over the socket")


def _array_from_plain(wanted: Any, plain: Any) -> Any:
    if (get_origin(wanted) or wanted) is np.ndarray:
        dtype, shape, content = plain
        return np.frombuffer(content, dtype=np.dtype(dtype)).reshape(shape)
    raise NotImplementedError(f"{wanted} does not come over the socket")


_encoder = msgspec.msgpack.Encoder(enc_hook=_array_to_plain)


def encode(value: Any) -> bytes:
    """Plain data, dataclasses and arrays as MessagePack."""
    return _encoder.encode(value)


def decode(content: bytes | msgspec.Raw, wanted: type[T]) -> T:
    """A value of the type ``wanted``; raises ``msgspec.ValidationError`` for anything else."""
    return msgspec.msgpack.decode(content, type=wanted, dec_hook=_array_from_plain)


_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def request(frame: bytes) -> Request:
    """A frame from a worker; raises ``msgspec.ValidationError`` for anything else."""
    return _requests.decode(frame)


def reply(frame: bytes) -> Reply:
    """A frame from the compressor; raises ``msgspec.ValidationError`` for anything else."""
    return _replies.decode(frame)


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame; raises ``asyncio.IncompleteReadError`` at the end and ``ValueError`` for a length
    that no frame has."""
    length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {length} bytes")
    return await reader.readexactly(length)


def write_frame(writer: asyncio.StreamWriter, frame: Request | Reply) -> None:
    """Put a frame into the writer's buffer."""
    content = encode(frame)
    writer.write(len(content).to_bytes(_LENGTH_BYTES, "big"))
    writer.write(content)
