"""What a library raises over a file is the file's fault; want of memory, and all that is ours, is not."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from PIL import Image, UnidentifiedImageError

from imaging.errors import Rejection
from imaging.formats import FORMATS
from imaging.pictures import libraries
from imaging.pictures.libraries import LibraryError, library_call, reading
from tests.builders import (
    SOURCES,
    iptc_record,
    jpeg_with,
    marked,
    photoshop_segment,
    png,
    saved,
    scene,
    see_through,
)
from tests.profiles import cmyk_profile

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="allocations fail on Linux only")
ROOT = Path(__file__).parent.parent.parent
PNG = FORMATS["png"]

RAISED_BY_LIBRARIES = (
    OSError("unrecognized data stream contents when reading image file"),
    UnidentifiedImageError("cannot identify image file <_io.BytesIO object>"),
    SyntaxError("broken PNG file"),
    ValueError("Truncated IHDR chunk"),
    EOFError("no more images in GIF file"),
    IndexError("tuple index out of range"),
    KeyError(258),
    TypeError("unpack"),
    RuntimeError("Failed to decode image"),
    OverflowError("too large"),
    ZeroDivisionError("division by zero"),
    UserWarning("Truncated File Read"),
)


@pytest.mark.parametrize("error", RAISED_BY_LIBRARIES, ids=lambda error: type(error).__name__)
def test_whatever_a_library_raises_rejects_the_file_with_a_cause_for_operators_alone(error: Exception) -> None:
    with pytest.raises(Rejection) as raised, reading(PNG):
        raise error
    assert raised.value.code in {"damaged", "truncated"}
    assert raised.value.cause == f"{type(error).__name__}: {error}"
    assert str(error) not in f"{raised.value.reason} {raised.value.advice}"
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EOFError(), "truncated"),
        (OSError("image file is truncated (3 bytes not processed)"), "truncated"),
        (OSError("Truncated File Read"), "truncated"),
        (ValueError("Premature end of JPEG file"), "truncated"),
        (OSError("broken data stream when reading image file"), "damaged"),
        (ValueError("nothing of the kind"), "damaged"),
    ],
)
def test_a_file_that_breaks_off_is_told_from_one_that_is_damaged(error: Exception, code: str) -> None:
    with pytest.raises(Rejection) as raised, reading(PNG):
        raise error
    assert raised.value.code == code
    assert "PNG" in raised.value.reason


def test_a_long_cause_is_cut() -> None:
    with pytest.raises(Rejection) as raised, reading(PNG):
        raise ValueError("x" * 5000)
    assert len(raised.value.cause) == 1000


def fail_to_allocate(fault: Exception) -> NoReturn:
    """Raise this as a library does behind an allocation of the C library that failed."""
    libraries._ERRNO().contents.value = errno.ENOMEM
    raise fault


@ON_LINUX
def test_an_allocation_that_failed_is_no_fault_of_the_file_whatever_the_library_says() -> None:
    for words in ("broken data stream when reading image file", "failed to read next frame", "Out of memory"):
        fault = OSError(words)
        with pytest.raises(MemoryError, match=words) as raised, reading(PNG):
            fail_to_allocate(fault)
        assert raised.value.__cause__ is fault


@ON_LINUX
def test_what_a_library_says_of_memory_is_not_believed_without_it() -> None:
    with pytest.raises(OSError, match="long before"):
        fail_to_allocate(OSError("long before this file"))
    for words in (
        "Too much memory used in text chunks: 4194305>MAX_TEXT_MEMORY",
        "Memory allocation error: Security limit exceeded: Allocating an image of size 99999x99999",
        "Memory allocation error: Invalid image size: zero width or height",
    ):
        with pytest.raises(Rejection), reading(PNG):
            raise ValueError(words)


def test_a_memory_error_stays_one() -> None:
    with pytest.raises(MemoryError), reading(PNG):
        raise MemoryError


@pytest.mark.slow
@ON_LINUX
def test_no_format_is_called_damaged_where_there_is_too_little_memory_for_it(tmp_path: Path) -> None:
    """Each file, of a format whose library says something else, is made with too little memory and with enough."""
    large = Image.effect_noise((1500, 1100), 60).convert("RGB")
    turned = large.transpose(Image.Transpose.ROTATE_180)
    for name, body in {
        "jpeg": saved(large, "jpeg", progressive=True, subsampling="4:4:4", quality=30),
        "webp": saved(large, "webp", method=0),
        "webp-lossless": saved(large, "webp", lossless=True, quality=0, method=0),
        "webp-animated": saved(large, "webp", method=0, save_all=True, append_images=[turned], duration=40),
        "avif": saved(large, "avif", speed=10, quality=30),
    }.items():
        (tmp_path / name).write_bytes(body)
    ended = in_a_fresh_process(
        """if True:
        import os, resource, sys
        from pathlib import Path
        from imaging.errors import Rejection
        from imaging.exchange import Order
        from imaging.pictures.libraries import know_all
        from imaging.pictures.making import make
        from imaging.recipe.spec import RenditionSpec
        files = {path.name: path.read_bytes() for path in sorted(Path(sys.argv[1]).iterdir())}
        order = Order((RenditionSpec("one", 100),))
        know_all()
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        for name, body in files.items():
            for megabytes in (1, 2, 4, 6, 8, 11, 14, 18, 23, 300):
                if os.fork():
                    os.wait()
                    continue
                resource.setrlimit(resource.RLIMIT_AS, (used + (megabytes << 20),) * 2)
                try:
                    ending = f"made_{len(list(make(body, order)))}"
                except (MemoryError, Rejection) as fault:
                    ending = type(fault).__name__
                print(f"{name}:{ending}", flush=True)
                os._exit(0)
        """,
        tmp_path,
    )
    for path in tmp_path.iterdir():
        endings = [line.partition(":")[2] for line in ended if line.startswith(f"{path.name}:")]
        assert len(endings) == 10, path.name
        assert set(endings) == {"MemoryError", "made_4"}, path.name
        assert endings.count("MemoryError") >= 3, path.name


def test_what_the_system_refuses_is_no_fault_of_the_file() -> None:
    for error in (OSError(24, "Too many open files"), FileNotFoundError(2, "No such file"), ImportError("no module")):
        with pytest.raises(type(error)), reading(PNG):
            raise error


def test_what_ends_the_process_is_not_held_up() -> None:
    for error in (KeyboardInterrupt, SystemExit):
        with pytest.raises(error), reading(PNG):
            raise error


def test_a_call_without_a_file_to_blame_raises_an_error_of_its_own() -> None:
    fault = ValueError("bad")
    with pytest.raises(LibraryError, match="bad") as raised, library_call():
        raise fault
    assert raised.value.__cause__ is fault


def in_a_fresh_process(code: str, *arguments: object) -> list[str]:
    """What a program prints, by words."""
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  our own
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_each_format_has_its_plugin_and_no_other_is_imported(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(SOURCES["jpeg"]())
    imported = in_a_fresh_process(
        """if True:
        import sys
        from pathlib import Path
        from imaging.exchange import Order
        from imaging.pictures.making import make
        from imaging.recipe.spec import RenditionSpec
        spec = RenditionSpec("one", width=20, formats=("webp", "jpeg"))
        list(make(Path(sys.argv[1]).read_bytes(), Order((spec,))))
        print(*(name for name in sys.modules if name.endswith("ImagePlugin")))
        """,
        tmp_path / "source",
    )
    assert {"PIL.WebPImagePlugin", "PIL.JpegImagePlugin"} <= {*imported}
    assert not {"PIL.AvifImagePlugin", "PIL.DdsImagePlugin", "PIL.PdfImagePlugin"} & {*imported}


def sources() -> Iterator[bytes]:
    """Files that ask for as much of the libraries as files can."""
    for name, source in SOURCES.items():
        yield source()
        yield source()[:-40]
        if name != "heic":
            yield marked(name, scene())
    turned = see_through().transpose(Image.Transpose.ROTATE_180)
    for name in ("gif", "webp", "png", "avif"):
        yield saved(see_through(), name, save_all=True, append_images=[turned], duration=40)
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "group4", "packbits"):
        yield saved(scene().convert("1" if compression == "group4" else "RGB"), "tiff", compression=compression)
    yield saved(scene(), "mpo", save_all=True, append_images=[scene()])
    yield saved(scene().convert("CMYK"), "jpeg", icc_profile=cmyk_profile())
    yield saved(Image.new("LAB", (4, 4)), "tiff")
    yield saved(scene().convert("I"), "tiff")
    yield saved(scene().quantize(9), "png", transparency=3)
    yield png((2, 1), 0, 16, b"\1\2\3\4", (b"tRNS", b"\1\2"), (b"cHRM", b""))
    yield jpeg_with(saved(scene(), "jpeg"), photoshop_segment(iptc_record(80, "Jörg".encode("latin-1"))))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no limit of open files")
def test_once_all_is_known_no_picture_opens_a_file(tmp_path: Path) -> None:
    """The sandbox can open none: what a library imports or reads only then would fail there."""
    for number, source in enumerate(sources()):
        (tmp_path / f"{number:02}").write_bytes(source)
    (tmp_path / "overlay").write_bytes(saved(see_through((8, 8)), "png"))
    late = in_a_fresh_process(
        """if True:
        import resource, sys
        from pathlib import Path
        from imaging.errors import Rejection
        from imaging.exchange import Order
        from imaging.formats import WRITTEN
        from imaging.pictures.libraries import know_all
        from imaging.pictures.making import make
        from imaging.recipe.spec import Overlay, RenditionSpec
        *files, overlay = (path.read_bytes() for path in sorted(Path(sys.argv[1]).iterdir()))
        formats, over = tuple(WRITTEN), Overlay(overlay, opacity=0.5)
        specs = (
            RenditionSpec("large", 60, sharpen=50, overlay=over, formats=formats, max_bytes=900),
            RenditionSpec("small", 20, 20, "fill", gravity="smart", formats=formats),
            RenditionSpec("pad", 50, 50, "pad", background="#abcdef", formats=formats),
        )
        order = Order(specs, credit="© Größe", embed_credit=True)
        know_all()
        before, ended = set(sys.modules), []
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        for number, body in enumerate(files):
            try:
                ended.append(len(list(make(body, order))))
            except Rejection as fault:
                ended.append(fault.code)
        print(*ended, "then", *(set(sys.modules) - before))
        """,
        tmp_path,
    )
    assert late[late.index("then") :] == ["then"], "imaging.pictures.libraries.know_all imports these, too, in time"
    assert len({*late[: late.index("then")]}) > 1
