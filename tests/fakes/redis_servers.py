"""A real Redis on loopback, and servers that only look like one."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as NotThereError


class RedisServer:
    """A ``redis-server`` of our own, without anything on disk but its log."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def installed() -> bool:
        return shutil.which("redis-server") is not None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> Redis:
        return Redis.from_url(self.url)

    def start(self, *options: str) -> None:
        with (self._folder / "redis.log").open("ab") as log:
            command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", *options]
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        for _ in range(1000):
            with suppress(NotThereError):
                self.client.ping()
                return
            if self._process.poll() is not None:
                break
            threading.Event().wait(0.01)
        self.stop()
        raise RuntimeError(f"no Redis came up: {(self._folder / 'redis.log').read_text()[-500:]}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None


@contextmanager
def impostor(answer: bytes | None) -> Iterator[tuple[str, list[int]]]:
    """A server that gives every command the same bytes, or with None says nothing at all.

    Gives its URL and the list of its connections so far.
    """
    accepted: list[int] = []
    held: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, address = listening.accept()
                accepted.append(address[1])
                held.append(connection)
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(connection: socket.socket) -> None:
        with suppress(OSError):
            while received := connection.recv(65536):
                if answer is None:
                    continue
                # Whatever the client says of itself first is accepted.
                ours = b"MGET" in received or b"SET" in received.split(b"SETINFO")[0]
                connection.sendall(answer if ours else b"+OK\r\n" * max(1, received.count(b"*")))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0", accepted
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for connection in held:
                connection.close()
