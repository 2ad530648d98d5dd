"""The embedded AWS: moto's server on loopback, in a process of its own (ops/embedded_server.py)."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent


def listening(wanted: int) -> socket.socket:
    """A socket on the wanted port of the loopback interface, or on any free one when it is taken (or 0)."""
    try:
        return socket.create_server(("127.0.0.1", wanted), backlog=128)
    except OSError:
        return socket.create_server(("127.0.0.1", 0), backlog=128)


def free_port(wanted: int = 0) -> int:
    """The wanted port where nobody listens on it, or any such port."""
    with listening(wanted) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def embedded_aws(port: int, log: Path) -> Iterator[str]:
    """A running embedded AWS as its endpoint address; what it prints goes to `log`. Ends with the block.

    It listens on another port when `port` is taken.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        server = subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, "-m", "ops.embedded_server", str(port)],
            stdin=subprocess.PIPE,  # never written to: it closes when we end, and the server ends with it
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C in the terminal is for us, who end the server when all is written
        )
    with server:
        try:
            assert server.stdout is not None
            taken = server.stdout.readline().decode().strip()
            if not taken:
                raise click.ClickException(f"The embedded AWS did not start; its log is {log}.")
            yield f"http://127.0.0.1:{taken}"
        finally:
            server.terminate()
