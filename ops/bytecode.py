"""Adds bytecode to a package, so that no cold start compiles its modules: `python3.13 -I ops/bytecode.py PACKAGE.zip`.

Run by a CPython of the version that Lambda runs, on whatever processor, with the standard library alone. Python never
checks such bytecode against its source (PEP 552, `unchecked-hash`): within a package nothing changes.
"""

import importlib.util
import marshal
import sys
import zipfile
from pathlib import Path

UNPACKED = "/var/task"
"""Where Lambda has the package, for tracebacks."""
UNCHECKED = (0b01).to_bytes(4, "little")
"""The flags of bytecode that goes by a hash of its source and is not checked against it."""
THEN = (1980, 1, 1, 0, 0, 0)
"""The time of every file that is added: the same files give the same package."""


def main(package: Path) -> None:
    """Write the package again, with the bytecode of every module behind all else."""
    with zipfile.ZipFile(package) as old:
        held = [(entry, old.read(entry)) for entry in old.infolist() if not entry.filename.endswith(".pyc")]
    modules = sorted((entry.filename, body) for entry, body in held if entry.filename.endswith(".py"))
    again = package.with_suffix(".new")
    with zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
        for entry, body in held:
            new.writestr(entry, body, zipfile.ZIP_DEFLATED)
        for name, source in modules:
            entry = zipfile.ZipInfo(importlib.util.cache_from_source(name), THEN)
            entry.external_attr = 0o644 << 16
            new.writestr(entry, bytecode(name, source), zipfile.ZIP_DEFLATED)
    again.replace(package)


def bytecode(name: str, source: bytes) -> bytes:
    """The file that Python would cache for a module."""
    code = compile(source, f"{UNPACKED}/{name}", "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(source) + marshal.dumps(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
