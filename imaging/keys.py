"""Keys in the renditions bucket: the prefix that each source owns, and the length that S3 allows."""

import hashlib

LONGEST_KEY = 1024
"""Bytes of UTF-8 that an S3 key may have (Amazon S3 User Guide, "Naming Amazon S3 objects")."""

MANIFEST = "manifest.json"


def prefix_of(key: str) -> str:
    """The prefix under which everything made of the source `key` stands in the renditions bucket.

    It is `<key>/`. A key so long that not even its manifest would fit gets `/<sha256 of the key>.` instead. That
    prefix could only belong to a source with an empty key, which S3 does not know, so no two sources share one.
    """
    if len(f"{key}/{MANIFEST}".encode()) <= LONGEST_KEY:
        return f"{key}/"
    return f"/{hashlib.sha256(key.encode()).hexdigest()}."


def manifest_key_of(key: str) -> str:
    """The key of the source's manifest in the renditions bucket."""
    return prefix_of(key) + MANIFEST


def visible(key: str) -> str:
    """The key in one line, whatever it holds: a character that does not print is shown as its escape."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in key)
