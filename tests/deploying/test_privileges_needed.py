"""Each permission of the role is needed: without it, publishing, looking again, removing or telling editors fails.

Under the embedded AWS's enforcement of IAM, which does not imitate two things, so that two permissions rest on AWS's
own pages: a missing source answers 403 without s3:ListBucket on raw, and a tag on a PUT asks for s3:PutObjectTagging.
"""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.exceptions import ClientError
from PIL import Image

from imaging.edges.notices import Editors
from imaging.publishing.manifest import Manifest, Reason, Source
from imaging.publishing.outcome import Outcome
from imaging.publishing.reconciling import reconcile
from imaging.publishing.storage import client_of, connect
from ops.embedded_aws import embedded_aws
from ops.recipe import load
from tests.deploying.conftest import ROOT, Package
from tests.deploying.privileges import ACCOUNT, REGION, listed, role_statements
from tests.making import InProcess

pytestmark = pytest.mark.slow
RAW = "image-pipeline-dev-raw-123456789012"
RENDITIONS = "image-pipeline-dev-renditions-123456789012"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:image-pipeline-dev-editors"
KEY = "cat.jpg"
REJECTED = Outcome(
    KEY, "rejected", Manifest("rejected", "1", Source(KEY), rejection=Reason("empty", "Empty.", "Fill."))
)
Permission = tuple[str, str]


class Guarded:
    """An embedded AWS that asks for permissions while `enforced` is on."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.s3 = self._client("s3")
        self.iam = self._client("iam")
        for bucket in (RAW, RENDITIONS):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        self._client("sns").create_topic(Name=TOPIC.rpartition(":")[2])

    def _client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION)

    def enforce(self, enforced: bool) -> None:
        """Ask for permissions from now on, or for none."""
        unasked = b"0" if enforced else b"1000000000"
        headers = {"Content-Type": "text/plain"}
        urlopen(Request(f"{self.endpoint}/moto-api/reset-auth", unasked, headers)).close()  # noqa: S310

    def key_with(self, permissions: list[Permission]) -> Mapping[str, str]:
        """Return the access key of a new user who has these permissions and no others."""
        user = f"user-{len(self.iam.list_users()['Users'])}"
        self.iam.create_user(UserName=user)
        statements = [
            # The embedded AWS asks for everything but S3 on "*"; test_privileges.py looks at the topic's name.
            {"Effect": "Allow", "Action": action, "Resource": on if action.startswith("s3:") else "*"}
            for action, on in permissions
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=policy)
        made: Mapping[str, str] = self.iam.create_access_key(UserName=user)["AccessKey"]
        return made


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """An embedded AWS of its own: enforcement is for everybody who uses it."""
    with embedded_aws(0, Path(tmp_path_factory.mktemp("aws")) / "aws.log") as endpoint:
        yield Guarded(endpoint)


def permissions_of(package: Package) -> list[Permission]:
    """Return the role's permissions that the code uses itself, one action on one resource each."""
    return [
        (action, resource)
        for statement in role_statements(package)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if action.startswith(("s3:", "sns:"))
    ]


def live(guarded: Guarded, permissions: list[Permission], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Publish a source, look again, remove it and tell editors, with these permissions; return what each came to."""
    guarded.enforce(False)
    for found in guarded.s3.list_objects_v2(Bucket=RENDITIONS).get("Contents", []):
        guarded.s3.delete_object(Bucket=RENDITIONS, Key=found["Key"])
    picture = io.BytesIO()
    Image.new("RGB", (400, 300), (9, 99, 200)).save(picture, "JPEG")
    guarded.s3.put_object(Bucket=RAW, Key=KEY, Body=picture.getvalue())
    key = guarded.key_with(permissions)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", guarded.endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        storage = connect(raw=RAW, renditions=RENDITIONS, owner=ACCOUNT)
        recipe = load(ROOT / "recipe.toml")
        guarded.enforce(True)
        outcomes = [reconcile(KEY, recipe, storage, InProcess()).status for _ in range(2)]
        guarded.enforce(False)
        guarded.s3.delete_object(Bucket=RAW, Key=KEY)
        guarded.enforce(True)
        Editors(TOPIC, lambda: client_of("sns", attempts=1, patience=5)).tell(REJECTED)
        return [*outcomes, reconcile(KEY, recipe, storage, InProcess()).status]


def test_the_role_as_packaged_suffices(package: Package, guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    assert live(guarded, permissions_of(package), monkeypatch) == ["published", "unchanged", "removed"]


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", f"arn:aws:s3:::{RAW}/*"),
        ("s3:ListBucket", f"arn:aws:s3:::{RENDITIONS}"),
        ("s3:GetObject", f"arn:aws:s3:::{RENDITIONS}/*manifest.json"),
        ("s3:PutObject", f"arn:aws:s3:::{RENDITIONS}/*"),
        ("s3:DeleteObject", f"arn:aws:s3:::{RENDITIONS}/*"),
        ("sns:Publish", TOPIC),
    ],
)
def test_the_role_without_one_of_its_permissions_does_not(
    package: Package, guarded: Guarded, monkeypatch: pytest.MonkeyPatch, action: str, resource: str
) -> None:
    permissions = permissions_of(package)
    permissions.remove((action, resource))
    with pytest.raises(ClientError, match="Forbidden|AccessDenied|AuthorizationError"):
        live(guarded, permissions, monkeypatch)
