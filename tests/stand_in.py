"""A function for the tests of what runs functions on this machine: it does what its event says."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any


def on_event(event: dict[str, Any], context: Any) -> str:
    """Note that it was called, then answer, raise, print, hang or die."""
    if "note" in event:
        noted = {"pid": os.getpid(), "left": context.get_remaining_time_in_millis(), "environment": dict(os.environ)}
        with Path(event["note"]).open("a", encoding="utf-8") as notes:
            notes.write(json.dumps({**noted, "request": context.aws_request_id}) + "\n")
    match event.get("do"):
        case "raise":
            raise KeyError(event["what"])
        case "print":
            print(event["what"], flush=True)
        case "hang":
            time.sleep(60)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(3)
    return "done"
