"""Our function's cold start: `ready` for the first picture, or `upload`, its first JPEG on buckets in memory.

The sandbox is ended before the program is, so that its time is counted.
"""

import sys

import handler

wired = handler.wiring()
if sys.argv[1] == "ready":
    wired.sandbox._stand()  # noqa: SLF001  waits until the sandbox is locked and ready
else:
    from imaging.publishing.reconciling import reconcile
    from ops.memory import MemoryStorage

    storage = MemoryStorage()
    with open(sys.argv[2], "rb") as photo:  # noqa: PTH123  pathlib is not ours to import here
        storage.upload("photo.jpg", photo.read())
    assert reconcile("photo.jpg", wired.recipe, storage, wired.sandbox).status == "published"
wired.sandbox.close()
