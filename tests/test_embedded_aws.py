"""What a web page open in the browser can do to the embedded AWS: nothing. Asked of a running one."""

import http.client
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import click
import pytest

from ops.embedded_aws import ROOT, embedded_aws

FOREIGN = "https://evil.example"
RESET = "/moto-api/reset"


def ask(endpoint: str, method: str = "GET", path: str = "/", **headers: str) -> http.client.HTTPResponse:
    """The answer to one request with exactly these headers, an underscore standing for a hyphen."""
    address = urlsplit(endpoint).netloc
    connection = http.client.HTTPConnection(address, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers={"Host": address, "Content-Length": "0", **named})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


@pytest.fixture(scope="module")
def bucket(aws_endpoint: str) -> str:
    """A bucket that a page would like to have."""
    boto3.client("s3", endpoint_url=aws_endpoint).create_bucket(
        Bucket="precious", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return "precious"


@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://127.0.0.1:1", "http://localhost", "file://", ""])
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("PUT", "/taken"), ("OPTIONS", "/"), ("POST", RESET)])
def test_a_page_of_another_origin_is_refused_and_allowed_nothing(
    aws_endpoint: str, method: str, path: str, origin: str
) -> None:
    answer = ask(aws_endpoint, method, path, Origin=origin)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "host", [*("evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.2")]
)
@pytest.mark.parametrize("path", ["/", RESET])
def test_a_name_that_was_made_to_resolve_to_this_machine_is_refused(aws_endpoint: str, host: str, path: str) -> None:
    port = str(urlsplit(aws_endpoint).port)
    assert ask(aws_endpoint, "POST", path, Host=host.format(port=port)).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_picture_or_a_link_of_another_site_is_refused_though_it_names_no_origin(aws_endpoint: str, site: str) -> None:
    assert ask(aws_endpoint, path="/?Action=PurgeQueue", Sec_Fetch_Site=site).status == 403


def test_no_page_can_reset_it_or_list_what_it_holds(aws_endpoint: str, bucket: str) -> None:
    own = aws_endpoint
    assert ask(aws_endpoint, "POST", RESET, Origin=own).status == 403
    assert ask(aws_endpoint, "POST", RESET, Origin=FOREIGN).status == 403
    assert boto3.client("s3", endpoint_url=aws_endpoint).head_bucket(Bucket=bucket)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "precious.localhost", "a.b-c.localhost"])
def test_this_machine_by_any_of_its_names_is_answered(aws_endpoint: str, name: str) -> None:
    port = urlsplit(aws_endpoint).port
    assert ask(aws_endpoint, path="/moto-api/data.json", Host=f"{name}:{port}").status == 200


def test_a_page_of_its_own_and_an_address_that_a_person_typed_are_answered(aws_endpoint: str) -> None:
    assert ask(aws_endpoint, Origin=aws_endpoint, Sec_Fetch_Site="same-origin").status == 200
    assert ask(aws_endpoint, path="/moto-api/", Sec_Fetch_Site="none").status == 200


def test_a_client_may_name_the_bucket_in_the_host(aws_endpoint: str, bucket: str) -> None:
    answer = ask(aws_endpoint, "HEAD", "/", Host=f"{bucket}.localhost:{urlsplit(aws_endpoint).port}")
    assert (answer.status, answer.headers["x-amz-bucket-region"]) == (200, "eu-central-1")


def answers(port: int) -> bool:
    """Whether anybody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_it_ends_when_its_owner_does_however_that_ended(tmp_path: Path) -> None:
    owner = (
        "import os, signal; from pathlib import Path; from ops.embedded_aws import embedded_aws\n"
        "with embedded_aws(0, Path('{log}')) as endpoint:\n"
        "    print(endpoint, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    ).format(log=tmp_path / "aws.log")
    done = subprocess.run([sys.executable, "-c", owner], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == -signal.SIGKILL
    port = urlsplit(done.stdout.strip()).port
    deadline = time.monotonic() + 10
    while answers(port or 0):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_another_port_is_taken_when_somebody_listens_on_the_wanted_one(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as somebody,
        embedded_aws(somebody.getsockname()[1], tmp_path / "aws.log") as endpoint,
    ):
        assert urlsplit(endpoint).port != somebody.getsockname()[1]
        assert ask(endpoint, path="/moto-api/data.json").status == 200


def test_a_server_that_cannot_start_is_told_with_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(click.ClickException, match=r"did not start; its log is .*aws\.log"),
        embedded_aws(70_000, tmp_path / "aws.log"),
    ):
        pass
    assert "0-65535" in (tmp_path / "aws.log").read_text()


def test_two_of_them_run_side_by_side_and_share_nothing(tmp_path: Path, aws_endpoint: str, bucket: str) -> None:
    with embedded_aws(0, tmp_path / "logs" / "aws.log") as other:
        assert other != aws_endpoint
        assert boto3.client("s3", endpoint_url=other).list_buckets()["Buckets"] == []
    assert boto3.client("s3", endpoint_url=aws_endpoint).head_bucket(Bucket=bucket)
    assert (tmp_path / "logs" / "aws.log").exists()
