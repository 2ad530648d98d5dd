"""The reconcile loop, on buckets in memory."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from threading import Barrier
from typing import Any

import pytest

from imaging.errors import (
    OF_RESOURCES,
    Contention,
    OutOfTime,
    Rejection,
    SandboxError,
    damaged,
    needs_too_much_memory,
    took_too_long,
)
from imaging.exchange import Credits, Header, Made, Order
from imaging.publishing.manifest import Manifest
from imaging.publishing.reconciling import ROUNDS, reconcile
from imaging.publishing.run import Run
from imaging.publishing.storage import Listing, Stored
from imaging.recipe.recipe import Recipe
from ops.memory import MemoryStorage
from tests.making import Instant
from tests.publishing.schedules import MAKER, picture, settled
from tests.recipes import DIGEST, recipe

KEY = "a/cat.png"
GOOD, OTHER, BAD = picture(1), picture(2), b"no picture"
ELSEWHERE = 'base_url = "https://cdn.example/"'


@dataclass
class Counting(Instant):
    """A maker that counts the pictures it makes, and remembers the last order."""

    pictures: int = 0
    order: Order | None = None
    header: Header | None = None
    seconds: tuple[tuple[str, float], ...] = ()

    def make(self, body: bytes, order: Order, ends: float | None = None) -> Made:
        self.pictures += 1
        self.order = order
        picture = super().make(body, order, ends)
        return replace(picture, header=self.header or picture.header, seconds=dict(self.seconds))


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
    answer = storage.read_manifest(key)
    assert answer is not None
    read = Manifest.from_json(answer[0])
    assert read is not None
    return read


def files(storage: MemoryStorage) -> list[str]:
    return sorted(storage.renditions)


def run(storage: MemoryStorage, with_recipe: Recipe | None = None, key: str = KEY) -> str:
    return reconcile(key, with_recipe or recipe(), storage, MAKER).status


def raising(error: Exception) -> Instant:
    """A maker that makes nothing of any source."""

    def refuse(_body: bytes) -> None:
        raise error

    return Instant(refuse=refuse)


def test_an_upload_becomes_renditions_and_a_manifest_that_lists_them(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    assert run(storage) == "published"
    assert files(storage) == ["a/cat.png/large.png", "a/cat.png/manifest.json", "a/cat.png/thumb.png"]
    stored = manifest(storage)
    assert [(r.name, r.width, r.etag) for r in stored.renditions] == [
        ("thumb", 4, storage.renditions["a/cat.png/thumb.png"].etag),
        ("large", 5, storage.renditions["a/cat.png/large.png"].etag),
    ]
    assert (stored.source.format, stored.source.width, stored.source.frames) == ("png", 4, 1)
    assert stored.srcset == {"png": "/a/cat.png/thumb.png 4w, /a/cat.png/large.png 5w"}


# -- what it costs -----------------------------------------------------------------------------------------


def requests(storage: MemoryStorage, with_recipe: Recipe | None = None, key: str = KEY) -> list[str]:
    """What one reconcile asks of the storage, in order; files are written in any."""
    recorded = Recorded(storage)
    reconcile(key, with_recipe or recipe(), recorded, MAKER)
    return recorded.requests


def test_a_new_upload_costs_one_list_which_comes_after_its_manifest(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    assert requests(storage) == [
        *("read_manifest", "head_source", "read_source"),
        *("write_rendition", "write_rendition", "write_manifest"),
        *("list_renditions", "head_source"),
    ]


def test_a_rejected_upload_writes_its_manifest_and_nothing_else(storage: MemoryStorage) -> None:
    storage.upload(KEY, BAD)
    assert requests(storage) == [
        *("read_manifest", "head_source", "read_source", "write_manifest", "list_renditions", "head_source"),
    ]


def test_an_overwrite_lists_before_and_after(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    storage.upload(KEY, OTHER)
    assert requests(storage) == [
        *("read_manifest", "list_renditions", "head_source", "read_source"),
        *("write_rendition", "write_rendition", "write_manifest"),
        *("list_renditions", "head_source"),
    ]


def test_a_removal_writes_a_tombstone_and_deletes_every_file(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    storage.remove(KEY)
    assert requests(storage) == [
        *("read_manifest", "list_renditions", "head_source"),
        *("write_manifest", "delete", "delete"),
        *("list_renditions", "head_source"),
    ]


@pytest.mark.parametrize("body", [GOOD, BAD], ids=["published", "rejected"])
def test_an_event_for_what_is_as_desired_costs_three_requests_and_opens_no_picture(
    storage: MemoryStorage, body: bytes
) -> None:
    storage.upload(KEY, body)
    run(storage)
    recorded, maker = Recorded(storage), Counting()
    assert reconcile(KEY, recipe(), recorded, maker).status == "unchanged"
    assert recorded.requests == ["read_manifest", "list_renditions", "head_source"]
    assert maker.pictures == 0


def test_an_event_for_what_is_removed_costs_three_requests(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    storage.remove(KEY)
    run(storage)
    assert requests(storage) == ["read_manifest", "list_renditions", "head_source"]


def test_an_event_for_what_never_was_looks_for_litter_all_the_same(storage: MemoryStorage) -> None:
    assert requests(storage) == ["read_manifest", "head_source", "list_renditions", "head_source"]
    storage.write_rendition("a/cat.png/left-by-a-crash.png", b"", "image/png", "")
    storage.wait(hours=1)
    assert run(storage) == "removed"
    assert files(storage) == ["a/cat.png/manifest.json"]  # a tombstone: whoever is late uses other names


# -- what it makes -----------------------------------------------------------------------------------------


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
    stored = manifest(storage)
    assert stored.status == "rejected"
    assert {r.key for r in stored.renditions} == set(good)
    assert all(storage.renditions[key].body == body for key, body in good.items())


def test_a_rendition_deleted_by_hand_is_made_again_and_no_other_is_written(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    before = settled(storage)
    storage.delete(["a/cat.png/thumb.png"])
    recorded = Recorded(storage)
    assert reconcile(KEY, recipe(), recorded, MAKER).status == "published"
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


def test_the_maker_gets_the_limits_and_hints_that_the_picture_is_made_by(storage: MemoryStorage) -> None:
    with_recipe = recipe("thumb", "large", more="embed_credit = true\n[limits]\npixels = 1000")
    storage.upload(KEY, GOOD, {"renditions": "large", "focal-point": "0.1,0.2", "credit": "A. Lens"})
    maker = Counting()
    reconcile(KEY, with_recipe, storage, maker)
    assert maker.order is not None
    assert [spec.name for spec in maker.order.specs] == ["large"]
    assert maker.order.limits.pixels == 1000
    assert (maker.order.focal_point, maker.order.credit, maker.order.embed_credit) == ((0.1, 0.2), "A. Lens", True)


def test_the_maker_is_told_when_the_invocation_ends(storage: MemoryStorage) -> None:
    class Ending(Instant):
        def make(self, body: bytes, order: Order, ends: float | None = None) -> Made:
            assert ends == 123.0
            return super().make(body, order, ends)

    storage.upload(KEY, GOOD)
    assert reconcile(KEY, recipe(), storage, Ending(), Run(ends=123.0)).status == "published"


def test_an_editor_s_credit_goes_before_the_file_s_own(storage: MemoryStorage) -> None:
    own = Credits(copyright="(c) 2026", artist="A. Lens", credit="Agency")
    header = Header("jpeg", 40, 30, 1, "data:image/webp;base64,AA==", "#808080", own, ("A warning.",))
    for metadata, credit in (({}, "Agency"), ({"credit": "Zoë"}, "Zoë")):
        storage.upload(KEY, GOOD, metadata)
        reconcile(KEY, recipe(), storage, Counting(header=header))
        stored = manifest(storage)
        assert (stored.credit, stored.copyright, stored.artist) == (credit, "(c) 2026", "A. Lens")
        assert (stored.source.format, stored.source.width, stored.source.height) == ("jpeg", 40, 30)
        assert stored.warnings == ("A warning.",)


@pytest.mark.parametrize(("hdr", "told"), [(True, {"hdr": True}), (False, {})])
def test_the_manifest_says_of_the_source_that_it_has_a_high_dynamic_range(
    hdr: bool, told: dict[str, bool], storage: MemoryStorage
) -> None:
    header = Header("jpeg", 40, 30, 1, "data:image/webp;base64,AA==", "#808080", hdr=hdr)
    storage.upload(KEY, GOOD)
    reconcile(KEY, recipe(), storage, Counting(header=header))
    assert {name: value for name, value in manifest(storage).source.plain().items() if name == "hdr"} == told


def test_a_file_over_its_budget_is_published_with_a_warning(storage: MemoryStorage) -> None:
    budget = recipe("thumb")
    (rule,) = budget.rules
    spec = replace(rule.specs[0], max_bytes=len(b"thumb png ") + len(GOOD))
    budget = replace(budget, rules=(replace(rule, specs=(spec,)),))
    storage.upload(KEY, GOOD)
    run(storage, budget)
    assert manifest(storage).warnings == ()
    storage.upload(KEY, GOOD + b"1")
    run(storage, budget)
    (warning,) = manifest(storage).warnings
    assert warning.startswith(f"thumb as png has {spec.max_bytes + 1} bytes, more than the {spec.max_bytes} ")


def test_renditions_stand_in_the_order_of_the_recipe_whatever_is_made_first(storage: MemoryStorage) -> None:
    class Backwards(Instant):
        def make(self, body: bytes, order: Order, ends: float | None = None) -> Made:
            picture = super().make(body, order, ends)
            return replace(picture, files=picture.files[::-1])

    storage.upload(KEY, GOOD)
    reconcile(KEY, recipe("b", "a", "c"), storage, Backwards())
    assert [each.name for each in manifest(storage).renditions] == ["b", "a", "c"]


def test_eight_files_are_written_at_the_same_time_and_the_manifest_after_all_of_them(storage: MemoryStorage) -> None:
    together = Barrier(8)
    written: list[str] = []

    def meet(name: str) -> None:
        if name == "write_rendition":
            together.wait(timeout=30)
        written.append(name)

    storage.upload(KEY, GOOD)
    reconcile(KEY, recipe(*"abcdefgh"), Recorded(storage, meet), MAKER)
    assert Counter(written)["write_rendition"] == 8
    assert written.index("write_manifest") == 3 + 8


def test_an_error_of_one_file_escapes_when_no_other_is_being_written_and_no_manifest_is() -> None:
    class Failing(MemoryStorage):
        going = 0

        def write_rendition(self, key: str, body: bytes, content_type: str, cache_control: str) -> str:
            if "/a." in key:
                raise OSError("S3 is away")
            self.going += 1
            time.sleep(0.05)
            self.going -= 1
            return super().write_rendition(key, body, content_type, cache_control)

    failing = Failing()
    failing.upload(KEY, GOOD)
    with pytest.raises(OSError, match="S3 is away"):
        reconcile(KEY, recipe("a", "b", "c", "d"), failing, MAKER)
    assert failing.going == 0
    assert "a/cat.png/manifest.json" not in failing.renditions


def test_nothing_is_written_of_a_picture_that_is_rejected_or_fails(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    before = dict(storage.renditions)
    storage.upload(KEY, OTHER)
    for error in (SandboxError("killed"), OutOfTime("later"), MemoryError(), KeyError("a typo of ours")):
        with pytest.raises(type(error)):
            reconcile(KEY, recipe(), storage, raising(error))
        assert storage.renditions == before
    assert reconcile(KEY, recipe(), storage, raising(damaged("PNG"))).status == "rejected"
    assert {key: file for key, file in storage.renditions.items() if not key.endswith(".json")} == {
        key: file for key, file in before.items() if not key.endswith(".json")
    }


def test_a_run_notes_what_each_step_took_and_what_the_maker_says_of_its_own(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    noted = Run()
    reconcile(KEY, recipe(), storage, Counting(seconds=(("decode", 0.5), ("encode", 2.0))), noted)
    assert set(noted.seconds) == {"observe", "read", "make", "write", "decode", "encode"}
    assert (noted.seconds["decode"], noted.seconds["encode"]) == (0.5, 2.0)


# -- when the recipe changes -------------------------------------------------------------------------------


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


def test_where_only_words_change_the_manifest_alone_is_written_anew(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD, {"alt": "A cat"})
    run(storage)
    before, maker, recorded = manifest(storage), Counting(), Recorded(storage)
    outcome = reconcile(KEY, recipe(more=ELSEWHERE), recorded, maker)
    assert outcome.status == "rewritten"
    assert maker.pictures == 0
    assert recorded.requests == [
        *("read_manifest", "list_renditions", "head_source", "write_manifest", "list_renditions", "head_source")
    ]
    after = manifest(storage)
    assert after.srcset["png"].startswith("https://cdn.example/a/cat.png/thumb.png 4w, https://")
    assert 'src="https://cdn.example/' in after.picture
    assert 'alt="A cat"' in after.picture
    assert after.words != before.words
    assert after.write_id != before.write_id
    same = {"words": before.words, "srcset": before.srcset, "picture": before.picture, "write_id": before.write_id}
    assert replace(after, **same) == before  # type: ignore[arg-type]
    assert run(storage, recipe(more=ELSEWHERE)) == "unchanged"


def test_the_words_of_what_stays_up_beside_a_rejection_change_too(storage: MemoryStorage) -> None:
    for body in (GOOD, BAD):
        storage.upload(KEY, body)
        run(storage)
    maker = Counting()
    assert reconcile(KEY, recipe(more=ELSEWHERE), storage, maker).status == "rewritten"
    assert maker.pictures == 0
    stored = manifest(storage)
    assert stored.status == "rejected"
    assert stored.rejection is not None
    assert "https://cdn.example/" in stored.picture


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


def test_what_was_superseded_over_a_day_ago_goes_with_the_next_overwrite(storage: MemoryStorage) -> None:
    digest = recipe("thumb", template=DIGEST)
    for body in (GOOD, OTHER, GOOD + b"again"):
        storage.upload(KEY, body)
        run(storage, digest)
        storage.wait(hours=23)
    assert len(manifest(storage).superseded) == 2
    storage.wait(hours=1)
    storage.upload(KEY, OTHER + b"again")
    run(storage, digest)
    assert len(manifest(storage).superseded) == 1  # the one before
    assert len(files(storage)) == 3


def test_a_superseded_file_that_is_gone_is_listed_no_longer(storage: MemoryStorage) -> None:
    digest = recipe("thumb", template=DIGEST)
    for body in (GOOD, OTHER):
        storage.upload(KEY, body)
        run(storage, digest)
    storage.delete([manifest(storage).superseded[0].key])
    storage.upload(KEY, GOOD + b"again")
    recorded = Recorded(storage)
    reconcile(KEY, digest, recorded, MAKER)
    assert len(manifest(storage).superseded) == 1
    assert "delete" not in recorded.requests


def test_a_rejection_keeps_superseded_files_for_their_day(storage: MemoryStorage) -> None:
    digest = recipe("thumb", template=DIGEST)
    for body in (GOOD, OTHER, BAD):
        storage.upload(KEY, body)
        run(storage, digest)
    (superseded,) = manifest(storage).superseded
    assert superseded.key in files(storage)
    assert len(files(storage)) == 3


def test_a_manifest_written_between_list_and_get_is_looked_at_again(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)

    def rewrite(name: str) -> None:
        if name in ("list_renditions", "read_manifest") and len(recorded.requests) in (2, 3):
            run(storage, recipe(more=f'base_url = "/{len(recorded.requests)}/"'))

    recorded = Recorded(storage, rewrite)
    assert reconcile(KEY, recipe(), recorded, MAKER).status == "rewritten"
    assert recorded.requests == [
        *("read_manifest", "list_renditions", "read_manifest"),  # each of another manifest
        *("read_manifest", "list_renditions", "head_source", "write_manifest", "list_renditions", "head_source"),
    ]


def test_the_same_bytes_have_another_digest_name_after_a_removal(storage: MemoryStorage) -> None:
    digest = recipe("thumb", template=DIGEST)
    storage.upload(KEY, GOOD)
    run(storage, digest)
    (before,) = manifest(storage).renditions
    storage.remove(KEY)
    run(storage, digest)
    storage.upload(KEY, GOOD)
    run(storage, digest)
    (after,) = manifest(storage).renditions
    assert (after.sha256, len(after.key)) == (before.sha256, len(before.key))
    assert after.key != before.key


def test_a_sweep_writes_the_manifest_before_it_deletes_and_what_is_listed_keeps_its_name(
    storage: MemoryStorage,
) -> None:
    digest = recipe("thumb", template=DIGEST)
    for body in (GOOD, OTHER):
        storage.upload(KEY, body)
        run(storage, digest)
    listed, superseded = manifest(storage).renditions, manifest(storage).superseded
    storage.wait(days=1)
    assert requests(storage, digest)[-4:] == ["write_manifest", "delete", "list_renditions", "head_source"]
    storage.upload(KEY, OTHER, {"alt": "A cat"})
    assert "write_rendition" not in requests(storage, digest)
    assert manifest(storage).renditions == listed
    storage.upload(KEY, GOOD)
    run(storage, digest)
    assert manifest(storage).renditions[0].key != superseded[0].key


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
    storage.wait(minutes=59)
    run(storage)
    assert "a/cat.png/left-by-a-crash.png" in files(storage)
    storage.wait(minutes=1)
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
    reconcile("a", recipe(), Flat(storage), MAKER)
    assert "a/b.png/thumb.png" not in files(storage)


def test_a_source_overwritten_while_it_was_read_is_looked_at_again(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    twice: Iterator[None] = iter([None])

    def overwrite(name: str) -> None:
        if name == "read_source" and next(twice, 0) is None:
            storage.upload(KEY, OTHER)

    reconcile(KEY, recipe(), Recorded(storage, overwrite), MAKER)
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
        reconcile(KEY, recipe(), recorded, MAKER)
    assert recorded.requests.count("read_source") == ROUNDS


def test_keys_that_no_rule_takes_are_ignored_and_cost_one_request(storage: MemoryStorage) -> None:
    for key in ("folder/", "a/.DS_Store"):
        storage.upload(key, b"")
        recorded = Recorded(storage)
        assert reconcile(key, recipe(), recorded, MAKER).status == "ignored"
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
        reconcile(KEY, limited, recorded, MAKER)
        assert "read_source" not in recorded.requests
        rejection = manifest(storage).rejection
        assert rejection is not None
        assert rejection.code == code
    storage.upload(KEY, GOOD)
    assert run(storage, limited) == "published"


def test_hints_choose_renditions_and_bad_ones_are_warnings(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD, {"renditions": "thumb, nonsense", "alt": "A <cat>", "focal-point": "2,2"})
    run(storage)
    stored = manifest(storage)
    assert [r.name for r in stored.renditions] == ["thumb"]
    assert stored.alt == "A <cat>"
    assert 'alt="A &lt;cat&gt;"' in stored.picture
    assert len(stored.warnings) == 2


def test_a_metadata_change_alone_is_a_new_source(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    storage.upload(KEY, GOOD, {"alt": "A cat"})
    recorded = Recorded(storage)
    reconcile(KEY, recipe(), recorded, MAKER)
    assert "write_rendition" not in recorded.requests  # the pictures are the same
    assert manifest(storage).alt == "A cat"


# -- rejections --------------------------------------------------------------------------------------------


def published_half(storage: MemoryStorage) -> dict[str, Any]:
    content = json.loads(storage.renditions["a/cat.png/manifest.json"].body)
    of_this_upload = ("status", "write_id", "source", "warnings", "rejection")
    return {name: value for name, value in content.items() if name not in of_this_upload}


def test_a_rejected_overwrite_keeps_all_that_pages_read_of_what_stays_up(storage: MemoryStorage) -> None:
    own = Credits(copyright="(c) 2026", artist="A. Lens")
    header = Header("jpeg", 40, 30, 1, "data:image/webp;base64,AA==", "#808080", own, ("Of the picture before.",))
    storage.upload(KEY, GOOD, {"alt": "A cat", "credit": "Agency", "focal-point": "0.1,0.2"})
    reconcile(KEY, recipe(), storage, Counting(header=header))
    half = published_half(storage)
    pages_read = {"srcset", "picture", "placeholder", "dominant_colour", "alt", "credit", "copyright", "artist"}
    assert half.keys() >= pages_read | {"focal_point", "renditions"}
    for number in range(2):  # the second rejection keeps what the first one kept
        storage.upload(KEY, BAD + bytes([number]))
        assert run(storage) == "rejected"
        assert published_half(storage) == half
        assert manifest(storage).warnings == ()


def test_beside_a_rejection_pages_are_offered_what_still_stands(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    storage.delete(["a/cat.png/large.png"])
    storage.upload(KEY, BAD)
    run(storage)
    stored = manifest(storage)
    assert [each.name for each in stored.renditions] == ["thumb"]
    assert stored.srcset == {"png": "/a/cat.png/thumb.png 4w"}
    assert "large" not in stored.picture


def test_what_stays_up_is_offered_though_the_recipe_no_longer_names_it(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage, recipe("small", "large"))
    storage.upload(KEY, BAD)
    run(storage, recipe("tiny", "huge"))
    assert manifest(storage).srcset == {"png": "/a/cat.png/small.png 4w, /a/cat.png/large.png 5w"}


def test_fields_of_a_newer_version_outlive_a_rejection_and_new_words(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    content = json.loads(storage.renditions["a/cat.png/manifest.json"].body)
    content["mood"] = content["renditions"][0]["mood"] = {"sunny": [True, None]}
    put_manifest(storage, json.dumps(content).encode())

    def moods() -> list[Any]:
        now = json.loads(storage.renditions["a/cat.png/manifest.json"].body)
        return [now.get("mood"), now["renditions"][0].get("mood")]

    assert run(storage, recipe(more=ELSEWHERE)) == "rewritten"
    assert moods() == [{"sunny": [True, None]}] * 2
    storage.upload(KEY, BAD)
    assert run(storage, recipe(more=ELSEWHERE)) == "rejected"
    assert moods() == [{"sunny": [True, None]}] * 2
    storage.upload(KEY, OTHER)
    assert run(storage, recipe(more=ELSEWHERE)) == "published"
    assert moods() == [None, None]


def test_the_cause_of_a_rejection_is_for_the_log_and_never_in_the_manifest(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    outcome = reconcile(KEY, recipe(), storage, raising(damaged("PNG").because("OSError: broken data stream")))
    assert (outcome.status, outcome.cause) == ("rejected", "OSError: broken data stream")
    assert b"broken data stream" not in storage.renditions["a/cat.png/manifest.json"].body


def test_an_outcome_tells_of_crashes_when_its_own_source_crashed(storage: MemoryStorage) -> None:
    storage.upload("crash.png", GOOD)
    storage.upload("empty.png", b"")
    maker = raising(damaged("PNG").because("ended by SIGSEGV"))
    maker.crashes = 2
    assert reconcile("crash.png", recipe(), storage, maker).crashes == 2
    assert reconcile("empty.png", recipe(), storage, maker).crashes == 0
    assert reconcile("crash.png", recipe(), storage, maker).crashes == 0  # unchanged


def test_a_source_rejected_in_one_round_and_published_in_the_next_leaves_no_cause(storage: MemoryStorage) -> None:
    storage.upload(KEY, BAD)
    overwritten: list[str] = []

    def overwrite(name: str) -> None:
        if name == "list_renditions" and not overwritten:
            overwritten.append(name)
            storage.upload(KEY, GOOD)

    def refuse(body: bytes) -> None:
        if body == BAD:
            raise damaged("PNG").because("why")

    outcome = reconcile(KEY, recipe(), Recorded(storage, overwrite), Instant(refuse=refuse))
    assert (outcome.status, outcome.cause) == ("published", "")


@pytest.mark.parametrize("rejection", [needs_too_much_memory(9, None, 2), took_too_long(9, None, 60)])
def test_what_was_too_much_for_a_small_function_is_tried_again_by_a_larger_one_alone(rejection: Rejection) -> None:
    assert rejection.code in OF_RESOURCES
    storage = MemoryStorage()
    storage.upload("a.png", GOOD)

    def by(memory: int | None) -> str:
        def refuse(_body: bytes) -> None:
            if memory and memory < 3:
                raise rejection

        return reconcile("a.png", recipe(), storage, Instant(memory, refuse=refuse)).status

    assert [by(2), by(2), by(1), by(3), by(1)] == ["rejected", "unchanged", "unchanged", "published", "unchanged"]
    storage.upload("a.png", OTHER)
    assert [by(2), by(None)] == ["rejected", "published"]


def test_what_is_no_picture_is_none_in_a_larger_function_either() -> None:
    storage = MemoryStorage()
    storage.upload("a.png", BAD)
    small, large = replace(MAKER, memory=1000), replace(MAKER, memory=10**9)
    assert reconcile("a.png", recipe(), storage, small).status == "rejected"
    assert reconcile("a.png", recipe(), storage, large).status == "unchanged"
    assert manifest(storage, "a.png").rejection.memory is None  # type: ignore[union-attr]


def test_what_was_too_much_without_any_bound_is_not_tried_again() -> None:
    storage = MemoryStorage()
    storage.upload("a.png", GOOD)
    assert reconcile("a.png", recipe(), storage, raising(took_too_long(9, None, 60))).status == "rejected"
    assert reconcile("a.png", recipe(), storage, Instant(10**12)).status == "unchanged"


# -- somebody else's manifest ------------------------------------------------------------------------------


def put_manifest(storage: MemoryStorage, body: bytes) -> None:
    file = storage.renditions["a/cat.png/manifest.json"]
    storage.renditions["a/cat.png/manifest.json"] = file._replace(body=body)


def since(moment: Any) -> Callable[[dict[str, Any]], None]:
    superseded = {"key": "a/cat.png/x", "etag": "e", "since": moment}
    return lambda content: content.update(superseded=[superseded])


FOREIGN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a time in words": since("yesterday"),
    "a time without a zone": since("2026-01-01T00:00:00"),
    "a time that is a number": since(5),
    "the last time there is": since("9999-12-31T23:59:59+00:00"),
    "a key that is a list": lambda content: content["renditions"][0].update(key=[1]),
    "a hash that is a number": lambda content: content["renditions"][0].update(sha256=5),
    "a width that is true": lambda content: content["renditions"][0].update(width=True),
    "a format nobody writes": lambda content: content["renditions"][0].update(format="tga"),
    "a fit nobody knows": lambda content: content["renditions"][0].update(fit="stretch-a-bit"),
    "a focal point at infinity": lambda content: content.update(focal_point=[float("inf"), 0]),
    "a memory in words": lambda content: content.update(
        status="rejected", rejection={"code": "a", "reason": "b", "advice": "c", "memory": "x"}
    ),
    "a focal point of three": lambda content: content.update(focal_point=[0.1, 0.2, 0.3]),
    "a text of half a character": lambda content: content.update(alt="\ud800"),
    "an unknown field of half a character": lambda content: content.update(mood="\ud800"),
    "a number that is none": lambda content: content.update(mood=float("nan")),
    "a srcset of numbers": lambda content: content.update(srcset={"webp": 5}),
    "no source": lambda content: content.pop("source"),
    "another version": lambda content: content.update(manifest=2),
}


@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("body", [OTHER, BAD], ids=["published", "rejected"])
def test_a_manifest_with_foreign_types_is_replaced_and_raises_on_no_retry(
    storage: MemoryStorage, change: Callable[[dict[str, Any]], Any], body: bytes
) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    content = json.loads(storage.renditions["a/cat.png/manifest.json"].body)
    change(content)
    put_manifest(storage, json.dumps(content).encode())
    storage.upload(KEY, body)
    assert run(storage) == ("published" if body is OTHER else "rejected")
    assert run(storage) == "unchanged"


@pytest.mark.parametrize("depth", [950, 1_500, 5_000, 200_000])
def test_a_manifest_nested_ever_so_deep_is_replaced(storage: MemoryStorage, depth: int) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    body = storage.renditions["a/cat.png/manifest.json"].body.rstrip(b"}\n ")
    put_manifest(storage, body + b', "mood": ' + b"[" * depth + b"]" * depth + b"}")
    assert run(storage, recipe(more=ELSEWHERE)) in ("rewritten", "published")
    assert run(storage, recipe(more=ELSEWHERE)) == "unchanged"


def archive(storage: MemoryStorage, *, archived: bool) -> None:
    source, body = storage.sources[KEY]
    storage.sources[KEY] = (replace(source, archived=archived), body)


def test_a_source_in_the_archive_is_a_result_and_made_when_it_is_restored(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    archive(storage, archived=True)
    assert run(storage) == "rejected"
    rejection = manifest(storage).rejection
    assert rejection is not None
    assert rejection.code == "archived"
    assert run(storage) == "unchanged"
    archive(storage, archived=False)
    assert run(storage) == "published"


def test_what_was_published_stays_when_its_source_goes_to_the_archive(storage: MemoryStorage) -> None:
    storage.upload(KEY, GOOD)
    run(storage)
    archive(storage, archived=True)
    assert run(storage) == "unchanged"
    assert run(storage, recipe("other")) == "rejected"
    assert [each.name for each in manifest(storage).renditions] == ["thumb", "large"]
