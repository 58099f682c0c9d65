"""Stands in for vLLM: answers /health, has a helper process, and can be told to misbehave.

    fake_engine.py PORT PIDS [--dies] [--unhealthy] [--deaf] [--short-lived MARKER]

Appends its own process id and its helper's to the file PIDS, one line per life.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# Like a worker that lost its parent: in a session of its own, and deaf to SIGTERM.
_HELPER = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.setsid()
os.write(1, b"up\\n")
time.sleep(120)
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("pids", type=Path)
    parser.add_argument("--dies", action="store_true")
    parser.add_argument("--unhealthy", action="store_true")
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--short-lived", type=Path, help="die once, after the first health check")
    options = parser.parse_args()
    os.write(1, b"fake engine: loading\n")
    if options.dies:
        os.write(2, b"fake engine: out of memory\n")
        sys.exit(3)
    if options.deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    helper = subprocess.Popen([sys.executable, "-c", _HELPER], stdout=subprocess.PIPE)
    assert helper.stdout
    helper.stdout.readline()
    with options.pids.open("a") as stream:
        stream.write(f"{os.getpid()} {helper.pid}\n")

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if options.unhealthy else 200)
            self.end_headers()
            if options.short_lived and not options.short_lived.exists():
                options.short_lived.touch()
                threading.Timer(0.3, os._exit, [7]).start()

    ThreadingHTTPServer(("127.0.0.1", options.port), Health).serve_forever()


if __name__ == "__main__":
    main()
