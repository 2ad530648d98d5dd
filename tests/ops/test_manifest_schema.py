import json

import pytest
from jsonschema import Draft202012Validator

from imaging.publishing.reconciling import reconcile
from ops.manifest_schema import FILE, manifest_schema
from ops.memory import MemoryStorage
from tests.publishing.schedules import MAKER, picture
from tests.recipes import DIGEST, recipe

KEY = "a/cat.png"


def test_the_schema_in_docs_is_that_of_the_classes() -> None:
    fresh = json.dumps(manifest_schema(), indent=1) + "\n"
    assert FILE.read_text(encoding="utf-8") == fresh, "run `npm run ops -- schema --write`"


def test_every_manifest_that_the_loop_writes_keeps_to_the_schema() -> None:
    schema = manifest_schema()
    Draft202012Validator.check_schema(schema)
    valid = Draft202012Validator(schema)
    storage, with_recipe = MemoryStorage(), recipe("thumb", template=DIGEST)
    statuses = []
    for body in (picture(1), picture(2), b"no picture", None):
        if body is None:
            storage.remove(KEY)
        else:
            storage.upload(KEY, body, {"alt": "A cat", "focal-point": "0,1", "renditions": "none"})
        statuses.append(reconcile(KEY, with_recipe, storage, MAKER).status)
        content = json.loads(storage.renditions["a/cat.png/manifest.json"].body)
        assert [error.message for error in valid.iter_errors(content)] == []
        assert set(content) <= set(schema["properties"])
        assert set(content["source"]) <= set(schema["properties"]["source"]["properties"])
    assert statuses == ["published", "published", "rejected", "removed"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "lost"},
        {"status": "rejected"},
        {"rejection": {"code": "a", "reason": "b", "advice": "c"}},
        {"focal_point": [0, 2]},
        {"focal_point": [0, 1, 1]},
        {"source": {"key": ""}},
        {"renditions": [{}]},
        {"superseded": [{"key": "k", "etag": "e"}]},
        {"srcset": {"webp": 1}},
        {"warnings": "none"},
        {"placeholder": "data:image/webp," + "A" * 1024},
        {"manifest": 2},
    ],
)
def test_the_schema_refuses_what_no_manifest_says(wrong: dict[str, object]) -> None:
    right = {"manifest": 1, "status": "published", "write_id": "w", "source": {"key": "k"}}
    valid = Draft202012Validator(manifest_schema())
    assert valid.is_valid(right)
    assert not valid.is_valid(right | wrong)
