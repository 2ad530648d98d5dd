"""What a sandbox that was taken over can still do: as root, as an ordinary user, with and without the filter."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.sandbox.planting import ROOT, that_runs_programs

LINUX = sys.platform == "linux"
pytestmark = pytest.mark.skipif(not LINUX, reason="the locks are Linux's")

PROBES = {
    "open for reading": "open('/etc/hostname').read()",
    "open for writing": "open({victim!r} + '.new', 'w')",
    "create": "os.open({victim!r} + '.new', os.O_CREAT | os.O_WRONLY)",
    "unlink": "os.unlink({victim!r})",
    "rename": "os.rename({victim!r}, {victim!r} + '.moved')",
    "link": "os.link({victim!r}, {victim!r} + '.link')",
    "make a folder": "os.mkdir({victim!r} + '.folder')",
    "list a folder": "os.listdir('/')",
    "the loop's environment": "open('/proc/{loop}/environ', 'rb').read()",
    "the loop's memory": "open('/proc/{loop}/mem', 'rb')",
    "read the loop's memory by another call": (
        "pair = (ctypes.c_ulong * 2)(4096, 8); library = ctypes.CDLL(None, use_errno=True)\n"
        "library.process_vm_readv({loop}, pair, 1, pair, 1, 0)\n"
        "check(-1 if ctypes.get_errno() == 1 else 0)"  # any other error would come of the address
    ),
    "watch the loop": "check(ctypes.CDLL(None, use_errno=True).ptrace(16, {loop}, 0, 0))",
    "end the loop": "os.kill({loop}, 0)",
    "bound the loop": "resource.prlimit({loop}, resource.RLIMIT_CPU, (1, 1))",
    "take the limit of files away": "resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99)); open('/etc/hostname')",
    "a socket": "socket.socket()",
    "the runtime's address": "socket.create_connection(('127.0.0.1', {port}))",
    "run a program": "os.execv('/bin/true', ['true'])",
    "spawn a program": "os.posix_spawn('/bin/true', ['true'], {{}})",
    "fork": "os.fork()",
    "more privileges": "check(0 if 'NoNewPrivs:\t1' in status else -1)",
}
"""What is tried from inside. Each must raise an OSError."""

ONLY_BY_THE_FILTER = {"unlink", "rename", "link", "make a folder", "end the loop", "bound the loop"}
"""What a kernel without the filter lets pass. The loop's memory and environment are closed by other locks."""

WOULD_REPLACE_THE_SANDBOX = {"run a program", "spawn a program", "fork"}
"""What would leave nobody, or two, to tell the results. Without files, a new program cannot load its libraries."""

SCRIPT = """
import json, os, sys, warnings
sys.path.insert(0, {root!r})
sys.path.insert(0, {folder!r})
from imaging.errors import Rejection
from imaging.exchange import Order
from imaging.formats import WRITTEN
from imaging.recipe.spec import RenditionSpec
from imaging.sandbox.child import Child
from imaging.sandbox.inside import TINY
from imaging.sandbox.sandbox import Sandbox

program = {program!r}.replace("LOOP", str(os.getpid()))
order = Order((RenditionSpec("all", 8, formats=tuple(WRITTEN)),))
with Sandbox(memory=1769 << 20, seconds=60) as sandbox:
    if not {filtered}:
        sandbox.close()
        sandbox._filtered = False
    try:
        sandbox.make(b"!" + program.encode(), order)
    except Rejection as told:
        results = json.loads(told.cause.partition(": ")[2])
    assert len(sandbox.make(TINY, order).files) == len(WRITTEN)
print(json.dumps([os.getuid(), sandbox._filtered, results]))
"""

PROGRAM = """
import ctypes, json, os, resource, socket
from imaging.errors import damaged
def check(code):
    if code != 0:
        raise OSError(ctypes.get_errno(), 'refused')
status = 'NoNewPrivs:\\t1' if ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == 1 else ''
results = {'environment': sorted(name for name in os.environ)}
for name, probe in PROBES.items():
    try:
        exec(probe)
        results[name] = 'done'
    except OSError as error:
        results[name] = error.errno
    except ValueError:
        results[name] = 1  # the interpreter's word for a limit that cannot be raised
    except BaseException as error:
        results[name] = repr(error)
raise damaged('PNG').because(json.JSONDecoder.__name__ + ': ' + json.dumps(results))
"""


def what_it_can_do(folder: Path, *, filtered: bool, ordinary: bool) -> dict[str, object]:
    """What became of each probe, tried in a sandbox of a loop that runs as root or as an ordinary user."""
    victim = folder / "victim"
    victim.write_text("still here", encoding="ascii")
    probes = {
        name: probe.format(victim=str(victim), loop="LOOP", port=9)
        for name, probe in PROBES.items()
        if filtered or name not in WOULD_REPLACE_THE_SANDBOX
    }
    program = f"PROBES = {probes!r}\n{PROGRAM}"
    script = SCRIPT.format(root=str(ROOT), folder=str(folder), program=program, filtered=filtered)
    command = [sys.executable, "-c", script]
    if ordinary and os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is missing: apt-get install util-linux")
        # It may read files as root may, for the interpreter can stand in root's own home, and nothing else.
        kept = "-all,+dac_read_search"
        user = ["--reuid=65534", "--regid=65534", "--clear-groups"]
        capabilities = [f"--inh-caps={kept}", f"--ambient-caps={kept}", f"--bounding-set={kept}"]
        command = ["setpriv", *user, *capabilities, *command]
    environment = {
        **os.environ,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "secret",
        "MALLOC_ARENA_MAX": "1",
    }
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    user_id, took_filter, results = json.loads(done.stdout)
    assert (user_id != 0) == (ordinary or os.getuid() != 0)
    assert took_filter == filtered
    assert victim.read_text(encoding="ascii") == "still here" or not filtered
    return dict(results)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = that_runs_programs(tmp_path_factory.mktemp("locks"))
    for path in (folder, *folder.parents):
        if path.is_relative_to(tempfile.gettempdir()):
            path.chmod(path.stat().st_mode | 0o055)
    return folder


@pytest.mark.parametrize("ordinary", [False, True], ids=["as it is run", "as an ordinary user"])
def test_a_sandbox_that_was_taken_over_reaches_nothing(programs: Path, ordinary: bool) -> None:
    results = what_it_can_do(programs, filtered=True, ordinary=ordinary)
    environment = results.pop("environment")
    assert isinstance(environment, list)
    assert not [name for name in environment if name.startswith("AWS_")]
    assert "MALLOC_ARENA_MAX" in environment
    assert set(environment) <= {"PATH", "LD_LIBRARY_PATH", "LANG", "LC_CTYPE", "TZ", "MALLOC_ARENA_MAX"}
    reached = {name: result for name, result in results.items() if not isinstance(result, int)}
    assert reached.pop("more privileges") == "done"  # it asks whether the kernel refuses them, and it does
    assert reached == {}


def test_without_the_filter_files_sockets_and_the_loop_are_closed_all_the_same(programs: Path) -> None:
    """Lambda's kernel may refuse the filter; and it runs the function as an ordinary user."""
    results = what_it_can_do(programs, filtered=False, ordinary=True)
    results.pop("environment")
    reached = {name for name, result in results.items() if not isinstance(result, int)}
    assert reached <= ONLY_BY_THE_FILTER | {"more privileges"}
