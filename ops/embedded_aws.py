"""The embedded AWS: moto's server on loopback, in a process of its own. `python -m ops.embedded_aws PORT`.

Moto stays silent where S3 tells of a delete in a versioned bucket (`ObjectRemoved:DeleteMarkerCreated`), which
is how an editor's delete looks, so that event is added here.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

STARTUP_SECONDS = 60


def free_port(wanted: int = 0) -> int:
    """The wanted port of the loopback interface, or any free one when it is taken (or 0)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def embedded_aws(port: int, log: Path) -> Iterator[str]:
    """A running embedded AWS as its endpoint address; what it prints goes to `log`. Ends with the block."""
    command = [sys.executable, "-m", "ops.embedded_aws", str(port)]
    # A session of its own: Ctrl-C in the terminal is for us, and we end the server when all is written.
    with log.open("wb") as output:
        server = subprocess.Popen(  # noqa: S603  our own command
            command,
            stdout=output,
            stderr=output,
            cwd=Path(__file__).parent.parent,
            start_new_session=True,
            env={**os.environ, "OPS_PARENT": str(os.getpid())},
        )
    try:
        _wait_for(port, server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise click.ClickException(f"the embedded AWS did not start; what it said stands in {log}")


def _tell_of_delete_markers() -> None:
    from moto.s3 import models, notifications  # noqa: PLC0415  half a second that only the server spends

    make = models.S3Backend._set_delete_marker  # noqa: SLF001

    def make_and_tell(self: Any, bucket_name: str, key_name: str) -> Any:
        marker = make(self, bucket_name, key_name)
        notifications.send_event(
            self.account_id,
            notifications.S3NotificationEvent.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT,
            self.get_bucket(bucket_name),
            SimpleNamespace(name=key_name, size=0, etag=""),
        )
        return marker

    models.S3Backend._set_delete_marker = make_and_tell  # type: ignore[method-assign]  # noqa: SLF001


def _end_with_parent() -> None:
    """A server whose owner was killed would stand for ever."""
    from threading import Thread  # noqa: PLC0415

    parent = os.environ.get("OPS_PARENT")

    def watch() -> None:
        while parent and os.getppid() == int(parent):
            time.sleep(1)
        if parent:
            os._exit(0)

    Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    from moto.server import main

    _end_with_parent()
    _tell_of_delete_markers()
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
