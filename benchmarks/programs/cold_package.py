"""Our function's cold start: the handler wired, as `ready`; with `upload` also its first JPEG, on buckets in memory."""

import sys

import handler

wired = handler.wiring()
if sys.argv[1] == "upload":
    from imaging.reconciling import reconcile
    from ops.memory import MemoryStorage

    storage = MemoryStorage()
    with open(sys.argv[2], "rb") as photo:  # noqa: PTH123  pathlib is not ours to import here
        storage.upload("photo.jpg", photo.read())
    assert reconcile("photo.jpg", wired.recipe, storage).status == "published"
