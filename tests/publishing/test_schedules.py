"""One final state under every schedule; more of them with SCHEDULES=20000 in the environment."""

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from imaging.publishing import changing, reconciling
from imaging.publishing.manifest import REMOVED, Rendition
from imaging.publishing.observing import Seen, Standing, Wanted
from imaging.publishing.storage import Listing, Stored
from ops.memory import MemoryStorage
from tests.publishing.schedules import KEY, MAKER, picture, play, recipes
from tests.recipes import DIGEST, STABLE

pytestmark = pytest.mark.slow

SCHEDULES = int(os.environ.get("SCHEDULES", "1000"))


def test_every_schedule_ends_as_one_clean_run(counted: Callable[[str], None]) -> None:
    results = [play(seed, STABLE) for seed in range(SCHEDULES)]
    counted(f"{SCHEDULES:,} schedules with stable names, {sum(r.calls for r in results):,} storage calls")
    assert [(seed, r.problem) for seed, r in enumerate(results) if r.problem] == []


def test_with_digest_names_no_reader_ever_meets_a_torn_manifest(counted: Callable[[str], None]) -> None:
    results = [play(seed, DIGEST) for seed in range(SCHEDULES)]
    counted(f"{SCHEDULES:,} schedules with digest names, {sum(r.calls for r in results):,} storage calls")
    assert [(seed, r.problem or r.torn) for seed, r in enumerate(results) if r.problem or r.torn] == []


def test_the_same_bytes_uploaded_again_after_a_delete_end_as_one_clean_run(counted: Callable[[str], None]) -> None:
    results = [play(seed, DIGEST, same_again=True) for seed in range(SCHEDULES // 2)]
    counted(f"{len(results):,} schedules with deleted bytes uploaded again")
    assert [(seed, r.problem or r.torn) for seed, r in enumerate(results) if r.problem or r.torn] == []


# -- the test of the test: each ingredient taken out of the loop is missed ----------------------------------
#
# A fault shows in one schedule of a hundred to a thousand. The seeds below are the first that show it; after a change
# to the loop or to the schedules they may be others, and `first_that_shows` finds them.


def shows(seed: int, template: str, wrap: Any = lambda storage: storage) -> bool:
    """Whether this schedule notices what was taken out."""
    result = play(seed, template, wrap)
    return bool(result.problem or (template == DIGEST and result.torn))


def first_that_shows(wrap: Any = lambda storage: storage, most: int = 10_000) -> tuple[int, str] | None:
    """The first schedule that notices what was taken out, for whoever has to find new seeds."""
    every = ((seed, template) for seed in range(most) for template in (STABLE, DIGEST))
    return next(((seed, template) for seed, template in every if shows(seed, template, wrap)), None)


class Changed:
    """A storage with one method put another way."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


class Unconditional(Changed):
    def write_manifest(self, key: str, body: bytes, _replaces: str | None, *, tombstone: bool) -> str | None:
        there = self._storage._storage.read_manifest(key)
        etag: str | None = self._storage.write_manifest(key, body, there[1] if there else None, tombstone=tombstone)
        return etag


class ManifestFirst(Changed):
    def __init__(self, storage: Any) -> None:
        super().__init__(storage)
        self._kept: list[tuple[str, bytes, str, str]] = []

    def write_rendition(self, *file: Any) -> str:
        from ops.memory import _md5  # noqa: PLC0415

        self._kept.append(file)
        return _md5(file[1])

    def write_manifest(self, *args: Any, **named: Any) -> str | None:
        etag: str | None = self._storage.write_manifest(*args, **named)
        kept, self._kept = self._kept, []
        for file in kept if etag else ():
            self._storage.write_rendition(*file)
        return etag


@pytest.mark.parametrize(
    ("mutant", "seed"),
    [(Unconditional, 76), (ManifestFirst, 0)],
    ids=["unconditional manifest", "manifest first"],
)
def test_the_schedules_notice_a_storage_that_is_used_wrongly(mutant: Any, seed: int) -> None:
    assert shows(seed, DIGEST, mutant)


def test_the_schedules_notice_a_missing_second_observation(monkeypatch: pytest.MonkeyPatch) -> None:
    real = reconciling.observe

    def observe(key: str, rule: Any, storage: Any, written: Standing | None = None) -> Seen | None:
        if written is None or written.manifest is None:
            return real(key, rule, storage)
        files = {each.key: Stored(each.etag, datetime.now(UTC)) for each in written.manifest.renditions}
        wanted = Wanted(written.manifest.source, rule) if written.manifest.status != REMOVED else None
        return Seen(key, wanted, written, Listing(datetime.now(UTC), files))

    monkeypatch.setattr(reconciling, "observe", observe)
    assert shows(2130, STABLE)


def test_the_schedules_notice_superseded_files_deleted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_self: Seen, _renditions: Iterable[Rendition]) -> tuple[()]:
        return ()

    monkeypatch.setattr(Seen, "superseded_by", none)
    assert shows(84, DIGEST)


def test_the_schedules_notice_manifests_without_a_write_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "write_id", lambda _run: "same")
    assert shows(1634, DIGEST)


def test_a_write_id_keeps_a_stale_writer_from_mistaking_a_tombstone_for_the_one_it_saw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stale_writer_is_refused() -> bool:
        storage = MemoryStorage()
        with_recipe = recipes(DIGEST)[0]
        for number in (1, 2):  # published and removed, twice: without a write id both tombstones are equal
            storage.upload(KEY, picture(number))
            reconciling.reconcile(KEY, with_recipe, storage, MAKER)
            storage.remove(KEY)
            reconciling.reconcile(KEY, with_recipe, storage, MAKER)
            if number == 1:
                seen = storage.read_manifest(KEY)
        assert seen is not None
        return storage.write_manifest(KEY, b"{}", seen[1], tombstone=False) is None

    assert stale_writer_is_refused()
    monkeypatch.setattr(changing, "write_id", lambda _run: "same")
    assert not stale_writer_is_refused()
