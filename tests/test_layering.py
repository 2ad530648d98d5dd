"""The architecture, enforced: who may import whom, and who may touch what."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOWER = {
    "errors": set(),
    "model": set(),
    "sniffing": {"errors"},
    "hints": set(),
    "markup": {"model"},
    "recipe": {"errors", "model"},
    "events": {"errors", "model"},
    "memory": {"errors", "model"},
    "bounds": {"errors", "memory"},
    "containers": set(),
    "decoding": {"containers", "errors", "memory", "model", "sniffing"},
    "rendering": {"decoding", "model"},
    "encoding": {"decoding", "errors", "model"},
    "storage": {"model"},
    "telemetry": {"bounds", "model"},
    "notices": {"model"},
    "reconciling": {
        *("bounds", "decoding", "encoding", "errors", "hints", "markup", "model"),
        *("recipe", "rendering", "storage"),
    },
}
"""Each module of imaging, and the modules below it that it may import."""

MODULES = sorted((ROOT / "imaging").glob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def test_every_module_has_its_place() -> None:
    assert {path.stem for path in MODULES} - {"__init__"} == set(LOWER)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_go_downward_only(path: Path) -> None:
    ours = {name.removeprefix("imaging.") for name in imports(path) if name.startswith("imaging")}
    assert ours <= LOWER.get(path.stem, set())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_nothing_that_runs_in_lambda_knows_the_operators_tools(path: Path) -> None:
    assert not [
        name for name in imports(path) if name.partition(".")[0] in {"ops", "tests", "handler", "boto3", "click"}
    ]


@pytest.mark.parametrize(
    ("package", "places"),
    [
        ("PIL", {"decoding", "rendering", "encoding"}),
        ("pi_heif", {"decoding"}),
        ("botocore", {"storage"}),
        ("aws_lambda_powertools", {"telemetry"}),
    ],
)
def test_a_foreign_library_stands_only_where_it_belongs(package: str, places: set[str]) -> None:
    found = {path.stem for path in MODULES for name in imports(path) if name.partition(".")[0] == package}
    assert found == places
    assert package not in {name.partition(".")[0] for name in imports(ROOT / "handler.py")}


def test_only_the_handler_reads_the_environment() -> None:
    assert not [path.stem for path in MODULES if "os" in set(imports(path))]


def test_no_name_says_service_manager_processor_utils_helpers_or_logic() -> None:
    banned = ("service", "manager", "processor", "utils", "helper", "logic")
    for path in [*MODULES, *(ROOT / "ops").glob("*.py"), ROOT / "handler.py"]:
        nodes = ast.walk(ast.parse(path.read_text()))
        names = [path.stem, *(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef))]
        assert not [name for name in names if any(word in name.lower() for word in banned)]
