"""The architecture, enforced: who may import whom, who may touch what, and how long a page may be."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("handler", "edges", "publishing", "sandbox", "pictures", "exchange", "recipe", "formats keys errors")
"""The rooms, from the entry downward. Each may import those below it; those in one line import none of each other."""

MODULES = [ROOT / "handler.py", *sorted((ROOT / "imaging").rglob("*.py"))]
NAMES = [path.relative_to(ROOT).with_suffix("").as_posix() for path in MODULES]
EVERY = pytest.mark.parametrize("path", MODULES, ids=NAMES)

LONGEST_MODULE, LONGEST_FUNCTION = 300, 50
BANNED = re.compile("service|manager|processor|utils|helper|logic", re.IGNORECASE)


def imports(path: Path) -> Iterator[str]:
    """Every module that is imported anywhere in the file, by its whole name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import says less than a whole name"
            # `from imaging import errors` imports a module too.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    """The folder or the file directly under imaging/ that a module's name leads to."""
    return module.split(".")[1] if module.startswith("imaging.") else module.partition(".")[0]


def room_of(path: Path) -> str:
    return room(".".join(path.relative_to(ROOT).with_suffix("").parts))


def level(name: str) -> int:
    (found,) = (number for number, rooms in enumerate(LAYERS) if name in rooms.split())
    return found


@EVERY
def test_imports_go_downward_and_never_sideways(path: Path) -> None:
    own = room_of(path)
    if own == "__init__":  # of imaging itself: the map of the house
        assert list(imports(path)) == []
    for module in imports(path):
        if module.startswith("imaging."):
            assert room(module) == own or level(room(module)) > level(own), f"{own} imports {module}"


def test_every_room_has_its_place() -> None:
    assert {room_of(path) for path in MODULES} - {"__init__"} == {name for line in LAYERS for name in line.split()}


def test_no_module_imports_itself_by_way_of_others() -> None:
    known = {name.replace("/", ".").removesuffix(".__init__") for name in NAMES}

    def module_of(name: str) -> str:
        return name if name in known else name.rpartition(".")[0]

    graph = {
        name.replace("/", ".").removesuffix(".__init__"): {module_of(each) for each in imports(path)} & known
        for name, path in zip(NAMES, MODULES, strict=True)
    }
    while leaves := {name for name, below in graph.items() if not below & graph.keys()}:
        graph = {name: below for name, below in graph.items() if name not in leaves}
    assert graph == {}


@EVERY
def test_nothing_that_runs_in_lambda_knows_the_operators_tools(path: Path) -> None:
    foreign = {"ops", "tests", "benchmarks", "handler", "boto3", "click", "pydantic", "tomlkit", "moto"}
    assert not {name.partition(".")[0] for name in imports(path)} & foreign


@pytest.mark.parametrize(
    ("package", "place"),
    [
        ("PIL", "imaging/pictures/"),
        ("pi_heif", "imaging/pictures/"),
        ("botocore", "imaging/publishing/storage"),
        ("aws_lambda_powertools", "imaging/edges/telemetry"),
    ],
)
def test_a_foreign_library_stands_only_where_it_belongs(package: str, place: str) -> None:
    users = [
        name
        for name, path in zip(NAMES, MODULES, strict=True)
        if any(module.partition(".")[0] == package for module in imports(path))
    ]
    assert [name for name in users if not name.startswith(place)] == []


@EVERY
def test_only_the_handler_and_the_start_of_the_sandbox_read_the_environment(path: Path) -> None:
    if room_of(path) in ("handler", "sandbox"):
        return
    reads = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
    ]
    assert reads == []
    assert not {"os.environ", "os.getenv", "os.environb"} & set(imports(path))


@EVERY
def test_a_module_and_a_function_can_be_read_at_one_go(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= LONGEST_MODULE
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    lengths = {each.name: (each.end_lineno or 0) - each.lineno + 1 for each in functions}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


@pytest.mark.parametrize("path", [*MODULES, *sorted((ROOT / "ops").rglob("*.py"))], ids=lambda path: path.stem)
def test_no_name_says_service_manager_processor_utils_helper_or_logic(path: Path) -> None:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    names = [node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert [name for name in [*path.relative_to(ROOT).parts, *names] if BANNED.search(name)] == []
