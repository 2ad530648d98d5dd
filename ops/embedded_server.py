"""The process of the embedded AWS: `python -m ops.embedded_server PORT`.

It prints the port it listens on, another one when PORT is taken, and ends when its standard input does.

Moto stays silent where S3 tells of a delete in a versioned bucket (`ObjectRemoved:DeleteMarkerCreated`), which
is how an editor's delete looks, so that event is added here.
"""

import os
import sys
from threading import Thread
from types import SimpleNamespace
from typing import Any

# Read by moto when it is imported: without it every answer allows every origin.
os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3 import models, notifications
from werkzeug.serving import make_server

from ops.embedded_aws import listening
from ops.guard import guarded


def main(wanted: int) -> None:
    """Serve until ended from outside."""
    Thread(target=end_with_owner, daemon=True).start()
    tell_of_delete_markers()
    listener = listening(wanted)
    port = listener.getsockname()[1]
    os.environ["MOTO_PORT"] = str(port)
    app = guarded(DomainDispatcherApplication(create_backend_app))
    server = make_server(
        "127.0.0.1", port, app, threaded=True, request_handler=MotoRequestHandler, fd=listener.fileno()
    )
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.serve_forever()


def end_with_owner() -> None:
    """End this process when nobody holds the other end of its standard input any more, however the owner ended."""
    sys.stdin.buffer.read()
    os._exit(0)


def tell_of_delete_markers() -> None:
    """Have moto send an event for each delete marker."""
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


if __name__ == "__main__":
    main(int(sys.argv[1]))
