"""Stands in for the gateway: starts a supervisor, says when the engine is ready, and hangs.

owner.py PORT PIDS LOG
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from semtoken_server.supervisor import EngineCommand, EngineSupervisor, Patience


def main() -> None:
    # A shell's background job, and what it starts, is born deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    port, pids, log = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    fake = str(Path(__file__).with_name("fake_engine.py"))
    command = EngineCommand((sys.executable, fake, str(port), pids, "--deaf"), "127.0.0.1", port)
    supervisor = EngineSupervisor(command, log, patience=Patience(grace_s=1.0, poll_s=0.05))
    supervisor.start()
    supervisor.wait_ready()
    os.write(1, b"ready\n")
    time.sleep(120)


if __name__ == "__main__":
    main()
