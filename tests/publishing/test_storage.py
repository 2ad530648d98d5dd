"""The contract of `imaging.publishing.storage.Storage`, run over every implementation of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from moto import mock_aws

from imaging.keys import manifest_key_of, prefix_of
from imaging.publishing.storage import S3Storage, _is_archived, connect
from tests.buckets import AWKWARD, OWNER, Body, Buckets, InMemory, OnS3


@pytest.fixture(params=["memory", "moto", "moto unversioned", "moto server"])
def buckets(request: pytest.FixtureRequest) -> Iterator[Buckets]:
    match request.param:
        case "memory":
            yield InMemory()
        case "moto server":
            yield OnS3(request.getfixturevalue("aws_endpoint"))
        case kind:
            with mock_aws():
                yield OnS3(None, versioned="unversioned" not in kind)


def test_a_source_is_seen_with_its_size_and_metadata(buckets: Buckets) -> None:
    buckets.upload("a/b.jpg", b"12345", {"alt": "A cat"})
    source = buckets.storage.head_source("a/b.jpg")
    assert source is not None
    assert (source.key, source.bytes, source.metadata) == ("a/b.jpg", 5, {"alt": "A cat"})


def test_a_source_that_is_not_there_is_absent_not_an_error(buckets: Buckets) -> None:
    assert buckets.storage.head_source("none.jpg") is None
    buckets.upload("a.jpg", b"1")
    buckets.remove("a.jpg")
    assert buckets.storage.head_source("a.jpg") is None


@pytest.mark.slow
@pytest.mark.parametrize("key", AWKWARD)
def test_the_object_read_is_the_object_uploaded_whatever_its_key(buckets: Buckets, key: str) -> None:
    buckets.upload(key, key.encode())
    source = buckets.storage.head_source(key)
    assert source is not None
    assert buckets.storage.read_source(source) == key.encode()
    name = prefix_of(key) + "thumb.webp"
    etag = buckets.storage.write_rendition(name, b"r", "image/webp", "no-cache")
    manifest = buckets.storage.write_manifest(key, b"m", None, tombstone=False)
    listing = buckets.storage.list_renditions(key)
    assert {name: f.etag for name, f in listing.files.items()} == {name: etag, manifest_key_of(key): manifest}
    buckets.storage.delete([name])
    assert list(buckets.storage.list_renditions(key).files) == [manifest_key_of(key)]


def test_every_upload_has_an_identity_of_its_own(buckets: Buckets) -> None:
    buckets.upload("a.jpg", b"one")
    first = buckets.storage.head_source("a.jpg")
    buckets.upload("a.jpg", b"two")
    second = buckets.storage.head_source("a.jpg")
    assert first is not None
    assert second is not None
    assert first.identity != second.identity


def test_reading_a_source_that_was_overwritten_or_deleted_answers_none(buckets: Buckets) -> None:
    buckets.upload("a.jpg", b"one")
    source = buckets.storage.head_source("a.jpg")
    assert source is not None
    buckets.upload("a.jpg", b"two")
    assert buckets.storage.read_source(source) is None
    buckets.remove("a.jpg")
    assert buckets.storage.read_source(source) is None


def test_a_listing_shows_the_direct_children_only(buckets: Buckets) -> None:
    for key in ("a", "a/b.jpg", "ab"):
        buckets.storage.write_manifest(key, b"m", None, tombstone=False)
        buckets.storage.write_rendition(f"{key}/thumb.webp", b"t", "image/webp", "no-cache")
    assert set(buckets.storage.list_renditions("a").files) == {"a/manifest.json", "a/thumb.webp"}


@pytest.mark.slow
def test_a_listing_has_more_than_one_page_when_it_must(buckets: Buckets) -> None:
    for number in range(1003):
        buckets.storage.write_rendition(f"a.jpg/{number:04}.webp", b"t", "image/webp", "no-cache")
    assert len(buckets.storage.list_renditions("a.jpg").files) == 1003


def test_the_clock_of_a_listing_is_the_storage_s_own(buckets: Buckets) -> None:
    buckets.storage.write_rendition("a.jpg/t.webp", b"t", "image/webp", "no-cache")
    listing = buckets.storage.list_renditions("a.jpg")
    assert abs(listing.now - listing.files["a.jpg/t.webp"].modified) < timedelta(seconds=30)
    assert listing.now.tzinfo is not None


def test_a_manifest_is_written_only_over_the_one_that_was_seen(buckets: Buckets) -> None:
    write = buckets.storage.write_manifest
    first = write("a.jpg", b"1", None, tombstone=False)
    assert first is not None
    assert write("a.jpg", b"2", None, tombstone=False) is None
    second = write("a.jpg", b"2", first, tombstone=False)
    assert second is not None
    assert write("a.jpg", b"3", first, tombstone=False) is None
    assert buckets.storage.read_manifest("a.jpg") == (b"2", second)


def test_a_manifest_that_vanished_is_not_written_over(buckets: Buckets) -> None:
    etag = buckets.storage.write_manifest("a.jpg", b"1", None, tombstone=False)
    buckets.storage.delete(["a.jpg/manifest.json"])
    assert buckets.storage.write_manifest("a.jpg", b"2", etag, tombstone=False) is None
    assert buckets.storage.read_manifest("a.jpg") is None


def test_deleting_what_is_not_there_is_no_error(buckets: Buckets) -> None:
    buckets.storage.delete(["a.jpg/none.webp"])


# -- of S3 alone -------------------------------------------------------------------------------------------


@pytest.fixture
def s3() -> Iterator[OnS3]:
    with mock_aws():
        yield OnS3(None)


def test_files_carry_the_content_type_of_the_encoder_and_the_cache_header_of_the_recipe(s3: OnS3) -> None:
    s3.storage.write_rendition("a.jpg/t.webp", b"t", "image/webp", "max-age=60")
    head = s3.client.head_object(Bucket=s3.renditions, Key="a.jpg/t.webp")
    assert (head["ContentType"], head["CacheControl"]) == ("image/webp", "max-age=60")


def test_only_a_tombstone_carries_the_tag_that_lets_it_expire(s3: OnS3) -> None:
    def tags() -> list[dict[str, str]]:
        answer = s3.client.get_object_tagging(Bucket=s3.renditions, Key="a.jpg/manifest.json")
        tags: list[dict[str, str]] = answer["TagSet"]
        return tags

    etag = s3.storage.write_manifest("a.jpg", b"1", None, tombstone=True)
    assert tags() == [{"Key": "state", "Value": "removed"}]
    s3.storage.write_manifest("a.jpg", b"2", etag, tombstone=False)
    assert tags() == []


def test_every_call_names_the_account_that_must_own_the_bucket(s3: OnS3) -> None:
    sent: list[dict[str, Any]] = []
    s3.client.meta.events.register("provide-client-params.s3", lambda params, **_: sent.append(params))
    s3.upload("a.jpg", b"1")
    sent.clear()
    source = s3.storage.head_source("a.jpg")
    assert source is not None
    s3.storage.read_source(source)
    s3.storage.write_rendition("a.jpg/t.webp", b"t", "image/webp", "no-cache")
    s3.storage.write_manifest("a.jpg", b"1", None, tombstone=True)
    s3.storage.read_manifest("a.jpg")
    s3.storage.list_renditions("a.jpg")
    s3.storage.delete(["a.jpg/t.webp"])
    assert [params.get("ExpectedBucketOwner") for params in sent] == [OWNER] * 7


def test_null_is_no_version_so_that_two_uploads_with_it_are_told_apart(s3: OnS3) -> None:
    # S3 answers it where versioning is suspended; moto never does.
    def answered(etag: str) -> Any:
        headers = {
            "x-amz-version-id": "null",
            "ETag": etag,
            "Content-Length": "1",
            "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
        }
        answer = AWSResponse("https://s3", 200, headers, Body())
        s3.client.meta.events.register_first("before-send.s3.HeadObject", lambda **_: answer, unique_id="null")
        source = s3.storage.head_source("a.jpg")
        s3.client.meta.events.unregister("before-send.s3.HeadObject", unique_id="null")
        return source

    one, other = answered('"one"'), answered('"other"')
    assert one.version_id is other.version_id is None
    assert one.identity != other.identity


def test_requests_are_counted_one_by_one_from_however_many_threads(s3: OnS3) -> None:
    before = s3.storage.requests

    def read(number: int) -> None:
        s3.storage.read_manifest(f"{number}.jpg")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(read, range(200)))
    assert s3.storage.requests - before == 200


def test_trouble_with_aws_escapes_so_that_lambda_tries_again(s3: OnS3) -> None:
    storage = S3Storage(s3.client, raw="no-such-bucket", renditions="nor-this", owner=OWNER)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        storage.list_renditions("a.jpg")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        storage.write_manifest("a.jpg", b"1", None, tombstone=False)


def test_the_client_retries_on_purpose_and_never_waits_longer_than_the_function_runs() -> None:
    config = connect(raw="raw", renditions="renditions", owner=OWNER)._client.meta.config
    assert config.retries["mode"] == "standard"
    attempts = config.retries["total_max_attempts"]
    assert attempts * (config.connect_timeout + config.read_timeout) < 120


@pytest.mark.parametrize(
    ("answer", "archived"),
    [
        ({}, False),
        ({"StorageClass": "STANDARD_IA"}, False),
        ({"StorageClass": "GLACIER_IR"}, False),
        ({"StorageClass": "GLACIER"}, True),
        ({"StorageClass": "DEEP_ARCHIVE"}, True),
        ({"StorageClass": "GLACIER", "Restore": 'ongoing-request="true"'}, True),
        ({"StorageClass": "GLACIER", "Restore": 'ongoing-request="false", expiry-date="Fri, 21 Dec 2026"'}, False),
        ({"StorageClass": "INTELLIGENT_TIERING"}, False),
        ({"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "ARCHIVE_ACCESS"}, True),
    ],
)
def test_an_object_in_the_archive_is_one_that_nobody_can_read_now(answer: dict[str, str], archived: bool) -> None:
    assert _is_archived(answer) == archived
