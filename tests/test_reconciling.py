"""The reconcile loop, on buckets in memory."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from imaging.bounds import Run
from imaging.errors import Contention
from imaging.model import Manifest, Source
from imaging.recipe import Recipe
from imaging.reconciling import ROUNDS, reconcile
from imaging.storage import Listing, Stored
from ops.memory import MemoryStorage
from tests.recipes import DIGEST, recipe
from tests.schedules import picture, settled

KEY = "a/cat.png"
GOOD, OTHER, BAD = picture(1), picture(2), b"no picture"


class Recorded:
    """A storage that notes what is asked of it, and where a test may step in between."""

    def __init__(self, storage: MemoryStorage, before: Any = None) -> None:
        self._storage, self._before = storage, before
        self.requests: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._storage, name)

        def call(*args: Any, **named: Any) -> Any:
            if name == "delete":
                self.requests += ["delete"] * len(list(args[0]))
            else:
                self.requests.append(name)
            if self._before:
                self._before(name)
            return method(*args, **named)

        return call


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


def manifest(storage: MemoryStorage, key: str = KEY) -> Manifest:
    found = storage.read_manifest(key)
    assert found is not None
    read = Manifest.from_json(found[0])
    assert read is not None
    return read


def files(storage: MemoryStorage) -> list[str]:
    return sorted(storage.renditions)


def run(storage: MemoryStorage, with_recipe: Recipe | None = None, key: str = KEY) -> str:
    return reconcile(key, with_recipe or recipe(), storage).status


def test_an_upload_becomes_renditions_and_a_manifest_that_lists_them(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    assert run(storage) == "published"
    assert files(storage) == ["a/cat.png/large.png", "a/cat.png/manifest.json", "a/cat.png/thumb.png"]
    made = manifest(storage)
    assert [(r.name, r.width, r.etag) for r in made.renditions] == [
        ("thumb", 4, storage.renditions["a/cat.png/thumb.png"].etag),
        ("large", 5, storage.renditions["a/cat.png/large.png"].etag),
    ]
    assert (made.source.format, made.source.width, made.source.frames) == ("png", 8, 1)
    assert made.srcset == {"png": "/a/cat.png/thumb.png 4w, /a/cat.png/large.png 5w"}


def test_a_normal_upload_makes_each_request_once_and_the_manifest_last(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    recorded = Recorded(storage)
    reconcile(KEY, recipe(), recorded)
    observed_again = ["list_renditions", "head_source"]
    assert recorded.requests == [
        "list_renditions",
        "head_source",
        "read_source",
        "write_rendition",
        "write_rendition",
        "write_manifest",
        *observed_again,
    ]


@pytest.mark.parametrize("body", [GOOD, BAD], ids=["published", "rejected"])
def test_an_event_for_what_is_as_desired_costs_three_requests_and_no_decode(
    storage: MemoryStorage, body: bytes
) -> None:
    storage.upload(KEY, body)
    run(storage)
    recorded = Recorded(storage)
    assert reconcile(KEY, recipe(), recorded).status == "unchanged"
    assert recorded.requests == ["list_renditions", "read_manifest", "head_source"]


def test_an_overwrite_replaces_every_rendition(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    before = settled(storage)
    storage.upload(KEY, OTHER)
    assert run(storage) == "published"
    assert files(storage) == sorted(before)
    assert all(settled(storage)[key] != body for key, body in before.items())


def test_a_deleted_source_leaves_only_a_tombstone(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    storage.remove(KEY)
    assert run(storage) == "removed"
    assert files(storage) == ["a/cat.png/manifest.json"]
    assert storage.renditions["a/cat.png/manifest.json"].tombstone
    assert run(storage) == "unchanged"


def test_deleting_what_never_was_writes_nothing(storage: MemoryStorage) -> None:
    assert run(storage) == "unchanged"
    assert files(storage) == []


def test_a_source_that_comes_back_is_published_over_its_tombstone(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    first = settled(storage)
    storage.remove(KEY)
    run(storage)
    storage.upload(KEY, GOOD)
    assert run(storage) == "published"
    assert not storage.renditions["a/cat.png/manifest.json"].tombstone
    assert files(storage) == sorted(first)


def test_a_bad_file_is_a_result_with_code_reason_and_advice(storage: MemoryStorage) -> None:
    storage.upload(KEY, BAD)
    assert run(storage) == "rejected"
    rejection = manifest(storage).rejection
    assert rejection is not None
    assert rejection.code == "unsupported-format"
    assert rejection.reason
    assert rejection.advice


def test_the_last_good_renditions_stay_when_an_overwrite_is_rejected(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    good = {key: file.body for key, file in storage.renditions.items() if not key.endswith(".json")}
    storage.upload(KEY, BAD)
    run(storage)
    made = manifest(storage)
    assert made.status == "rejected"
    assert {r.key for r in made.renditions} == set(good)
    assert all(storage.renditions[key].body == body for key, body in good.items())


def test_a_rendition_deleted_by_hand_is_made_again_and_no_other_is_written(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    before = settled(storage)
    storage.delete(["a/cat.png/thumb.png"])
    recorded = Recorded(storage)
    assert reconcile(KEY, recipe(), recorded).status == "published"
    assert recorded.requests.count("write_rendition") == 1
    assert settled(storage) == before


def test_a_rendition_overwritten_by_a_stranger_is_put_right(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    before = settled(storage)
    storage.write_rendition("a/cat.png/thumb.png", b"something else", "text/plain", "")
    assert run(storage) == "published"
    assert settled(storage) == before


def test_a_manifest_overwritten_by_a_stranger_is_put_right(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    before = settled(storage)
    _, etag = storage.read_manifest(KEY) or (b"", "")
    storage.write_manifest(KEY, b"[]", etag, tombstone=False)
    assert run(storage) == "published"
    assert settled(storage) == before


def test_a_new_recipe_makes_everything_again_and_drops_what_it_no_longer_makes(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage, recipe("thumb", "large"))
    assert run(storage, recipe("thumb", "huge")) == "published"
    assert files(storage) == ["a/cat.png/huge.png", "a/cat.png/manifest.json", "a/cat.png/thumb.png"]


def test_a_new_cache_header_is_written_though_the_bytes_are_the_same(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    run(storage, recipe(more='cache_control = "max-age=60"'))
    assert storage.renditions["a/cat.png/thumb.png"].cache_control == "max-age=60"


def test_with_digest_names_superseded_files_stay_for_a_day_and_then_go(storage: MemoryStorage) -> None:
    digest = recipe("thumb", template=DIGEST)
    storage.upload(KEY, GOOD)
    run(storage, digest)
    (old,) = (key for key in files(storage) if "thumb" in key)
    storage.upload(KEY, OTHER)
    storage.wait(days=30)  # how old the file is does not count, but since when nobody lists it
    run(storage, digest)
    storage.wait(hours=23)
    assert run(storage, digest) == "unchanged"
    assert old in files(storage)
    storage.wait(hours=1)
    run(storage, digest)
    assert len(files(storage)) == 2
    assert old not in files(storage)


def test_a_removal_removes_superseded_files_too(storage: MemoryStorage) -> None:
    digest = recipe("thumb", template=DIGEST)
    for body in (GOOD, OTHER):
        storage.upload(KEY, body)
        run(storage, digest)
    storage.remove(KEY)
    run(storage, digest)
    assert files(storage) == ["a/cat.png/manifest.json"]


def test_files_that_no_manifest_lists_are_swept_when_no_run_can_still_need_them(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    storage.write_rendition("a/cat.png/left-by-a-crash.png", b"", "image/png", "")
    run(storage)
    assert "a/cat.png/left-by-a-crash.png" in files(storage)
    storage.wait(hours=1)
    assert run(storage) == "unchanged"
    assert "a/cat.png/left-by-a-crash.png" not in files(storage)


def test_what_belongs_to_a_source_below_this_key_is_never_touched(storage: MemoryStorage) -> None:
    for key in ("a", "a/b.png", "a/b.png/c.png"):
        storage.upload(key, GOOD)
        run(storage, key=key)
    whole = settled(storage)
    storage.wait(days=10)
    for key in ("a", "a/b.png"):
        assert run(storage, key=key) == "unchanged"
    assert settled(storage) == whole
    storage.remove("a")
    run(storage, key="a")
    assert {key for key in whole if key.startswith("a/b.png/")} <= set(files(storage))


def test_without_a_delimiter_in_the_listing_they_would_be_touched(storage: MemoryStorage) -> None:
    class Flat(Recorded):
        def list_renditions(self, key: str) -> Listing:
            below = {n: Stored(f.etag, f.modified) for n, f in storage.renditions.items() if n.startswith(f"{key}/")}
            return Listing(storage.now, below)

    for key in ("a", "a/b.png"):
        storage.upload(key, GOOD)
        run(storage, key=key)
    storage.wait(hours=2)
    reconcile("a", recipe(), Flat(storage))
    assert "a/b.png/thumb.png" not in files(storage)


def test_a_source_overwritten_while_it_was_read_is_looked_at_again(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    twice: Iterator[None] = iter([None])

    def overwrite(name: str) -> None:
        if name == "read_source" and next(twice, 0) is None:
            storage.upload(KEY, OTHER)

    reconcile(KEY, recipe(), Recorded(storage, overwrite))
    source = storage.head_source(KEY)
    assert source is not None
    assert manifest(storage).source.version_id == source.version_id


def test_a_key_that_changes_in_every_round_is_left_to_the_retry(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)

    def overwrite(name: str) -> None:
        if name == "read_source":
            storage.upload(KEY, GOOD + bytes(len(storage.renditions)) + str(storage.sources[KEY][0]).encode())

    recorded = Recorded(storage, overwrite)
    with pytest.raises(Contention, match=f"'{KEY}' changed in each of {ROUNDS} rounds"):
        reconcile(KEY, recipe(), recorded)
    assert recorded.requests.count("read_source") == ROUNDS


def test_keys_that_no_rule_takes_are_ignored_and_cost_one_request(storage: MemoryStorage) -> None:
    for key in ("folder/", "a/.DS_Store"):
        storage.upload(key, b"")
        recorded = Recorded(storage)
        assert reconcile(key, recipe(), recorded).status == "ignored"
        assert recorded.requests == ["list_renditions"]
    assert files(storage) == []


def test_what_was_published_of_a_key_that_is_ignored_now_is_removed(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    assert run(storage, recipe(more='ignore = ["a/**"]')) == "removed"
    assert files(storage) == ["a/cat.png/manifest.json"]


@pytest.mark.parametrize("length", [1010, 1012, 1024])
def test_a_key_too_long_for_its_renditions_is_rejected_with_its_numbers(storage: MemoryStorage, length: int) -> None:
    key = "é" * 100 + "x" * (length - 200)
    storage.upload(key, GOOD)
    assert run(storage, recipe("a-name-that-is-long"), key) == "rejected"
    rejection = manifest(storage, key).rejection
    assert rejection is not None
    assert rejection.code == "key-too-long"
    assert f"{length:,} bytes" in rejection.reason
    assert all(len(name.encode()) <= 1024 for name in files(storage))
    storage.remove(key)
    assert run(storage, recipe("a-name-that-is-long"), key) == "removed"


def test_a_key_whose_renditions_are_just_not_too_long_is_published(storage: MemoryStorage) -> None:
    rest = len("/manifest.json")  # longer than thumb.png
    for length, status in ((1024 - rest, "published"), (1025 - rest, "rejected")):
        key = "é" * 100 + "x" * (length - 200)
        storage.upload(key, GOOD)
        assert run(storage, recipe("thumb"), key) == status


def test_an_empty_file_and_one_over_the_limit_are_rejected_unread(storage: MemoryStorage) -> None:
    limited = recipe(more=f"[limits]\nsource_bytes = {len(GOOD)}")
    for body, code in ((b"", "empty"), (GOOD + b"1", "too-large")):
        storage.upload(KEY, body)
        recorded = Recorded(storage)
        reconcile(KEY, limited, recorded)
        assert "read_source" not in recorded.requests
        rejection = manifest(storage).rejection
        assert rejection is not None
        assert rejection.code == code
    storage.upload(KEY, GOOD)
    assert run(storage, limited) == "published"


def test_hints_choose_renditions_and_bad_ones_are_warnings(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD, {"renditions": "thumb, nonsense", "alt": "A <cat>", "focal-point": "2,2"})
    run(storage)
    made = manifest(storage)
    assert [r.name for r in made.renditions] == ["thumb"]
    assert made.alt == "A <cat>"
    assert 'alt="A &lt;cat&gt;"' in made.picture
    assert len(made.warnings) == 2


def test_a_metadata_change_alone_is_a_new_source(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    storage.upload(KEY, GOOD, {"alt": "A cat"})
    recorded = Recorded(storage)
    reconcile(KEY, recipe(), recorded)
    assert "write_rendition" not in recorded.requests  # the pictures are the same
    assert manifest(storage).alt == "A cat"


def test_a_manifest_is_read_back_as_it_was_written(storage: MemoryStorage) -> None:
    tombstone = Manifest("removed", "id", Source("a.png"))
    assert Manifest.from_json(tombstone.to_json()) == tombstone
    storage.upload(KEY, GOOD, {"focal-point": "0.3,0.4", "credit": "Zoë"})
    run(storage)
    made = manifest(storage)
    assert Manifest.from_json(made.to_json()) == made
    assert made.focal_point == (0.3, 0.4)


def test_every_manifest_keeps_to_the_schema_in_docs(storage: MemoryStorage) -> None:
    schema = json.loads((Path(__file__).parent.parent / "docs" / "manifest.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    valid = Draft202012Validator(schema)
    digest = recipe("thumb", template=DIGEST)
    for body in (GOOD, OTHER, BAD, None):
        if body is None:
            storage.remove(KEY)
        else:
            storage.upload(KEY, body, {"alt": "A cat", "focal-point": "0,1", "renditions": "none"})
        run(storage, digest)
        content = json.loads(storage.renditions["a/cat.png/manifest.json"].body)
        assert [error.message for error in valid.iter_errors(content)] == []
        assert set(content) <= set(schema["properties"])
        assert set(content["source"]) <= set(schema["properties"]["source"]["properties"])


def test_what_was_too_much_for_a_small_function_is_tried_again_by_a_larger_one_alone() -> None:
    storage = MemoryStorage()
    storage.upload("a.png", picture(1))
    small, middle, large = (Run(memory=memory) for memory in (1, 2, 10**9))
    assert reconcile("a.png", recipe(), storage, middle).status == "rejected"
    assert reconcile("a.png", recipe(), storage, middle).status == "unchanged"
    assert reconcile("a.png", recipe(), storage, small).status == "unchanged"
    assert reconcile("a.png", recipe(), storage, large).status == "published"
    assert reconcile("a.png", recipe(), storage, small).status == "unchanged"


def test_what_is_no_picture_is_none_in_a_larger_function_either() -> None:
    storage = MemoryStorage()
    storage.upload("a.png", b"no picture")
    assert reconcile("a.png", recipe(), storage, Run(memory=1000)).status == "rejected"
    assert reconcile("a.png", recipe(), storage, Run(memory=10**9)).status == "unchanged"
