"""What the deployed function may do is what the code does, and nothing else."""

import pytest

from tests.deploying.conftest import Package
from tests.deploying.privileges import ACCOUNT, allowed, listed, role_statements

pytestmark = pytest.mark.slow
RAW = "arn:aws:s3:::image-pipeline-dev-raw-123456789012"
RENDITIONS = "arn:aws:s3:::image-pipeline-dev-renditions-123456789012"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:image-pipeline-dev-failures"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:image-pipeline-dev-editors"
STREAM = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/image-pipeline-dev-renditions:log-stream:1"
SOURCE = f"{RAW}/news/cat.jpg"
RENDITION = f"{RENDITIONS}/news/cat.jpg/thumb.webp"
MANIFEST = f"{RENDITIONS}/news/cat.jpg/manifest.json"
AWKWARD = "über/ a+b%2F😀/../x.JPG"
OURS = {"s3:ResourceAccount": ACCOUNT, "aws:SecureTransport": "true"}

NEEDED = [
    ("s3:GetObject", SOURCE),  # HEAD and GET
    ("s3:GetObject", f"{RAW}/{AWKWARD}"),
    ("s3:ListBucket", RAW),  # 404 for what is gone, instead of 403
    ("s3:ListBucket", RENDITIONS),
    ("s3:GetObject", MANIFEST),
    ("s3:GetObject", f"{RENDITIONS}/{AWKWARD}/manifest.json"),
    ("s3:GetObject", f"{RENDITIONS}//0123abcd.manifest.json"),  # of an over-long key
    ("s3:PutObject", RENDITION),
    ("s3:PutObject", f"{RENDITIONS}/{AWKWARD}/large.webp"),
    ("s3:PutObject", MANIFEST),
    ("s3:PutObjectTagging", MANIFEST),
    ("s3:DeleteObject", RENDITION),
    ("sqs:SendMessage", QUEUE),
    ("sns:Publish", TOPIC),
    ("logs:CreateLogStream", STREAM),
    ("logs:PutLogEvents", STREAM),
]

FORBIDDEN = [
    # Sources are read and nothing else.
    *((f"s3:{action}", SOURCE) for action in ("PutObject", "DeleteObject", "DeleteObjectVersion", "PutObjectTagging")),
    *((f"s3:{action}", SOURCE) for action in ("GetObjectVersion", "GetObjectAcl", "PutObjectAcl", "RestoreObject")),
    *((f"s3:{action}", SOURCE) for action in ("GetObjectTagging", "DeleteObjectTagging", "AbortMultipartUpload")),
    # Of renditions only manifests are read, and only they are tagged.
    *((f"s3:{action}", RENDITION) for action in ("GetObject", "PutObjectTagging", "GetObjectTagging", "PutObjectAcl")),
    *((f"s3:{action}", RENDITION) for action in ("GetObjectVersion", "DeleteObjectVersion", "ReplicateObject")),
    *((f"s3:{action}", MANIFEST) for action in ("GetObjectTagging", "DeleteObjectTagging", "PutObjectAcl")),
    ("s3:GetObject", f"{RENDITIONS}/news/cat.jpg/manifest.json.webp"),
    # The buckets stay as they were deployed.
    *(
        (f"s3:{action}", bucket)
        for bucket in (RAW, RENDITIONS)
        for action in (
            *("PutBucketPolicy", "DeleteBucketPolicy", "DeleteBucket", "PutBucketNotification", "PutBucketVersioning"),
            *("PutLifecycleConfiguration", "PutBucketPublicAccessBlock", "ListBucketVersions", "GetBucketPolicy"),
        )
    ),
    # No other bucket, however alike its name.
    ("s3:GetObject", "arn:aws:s3:::image-pipeline-prod-raw-123456789012/cat.jpg"),
    ("s3:GetObject", f"{RAW}-backup/cat.jpg"),
    ("s3:ListBucket", f"{RAW}-backup"),
    ("s3:ListBucket", "arn:aws:s3:::image-pipeline-prod-renditions-123456789012"),
    ("s3:PutObject", "arn:aws:s3:::image-pipeline-prod-renditions-123456789012/cat.jpg/thumb.webp"),
    ("s3:PutObject", "arn:aws:s3:::another/manifest.json"),
    ("s3:DeleteObject", "arn:aws:s3:::another/thumb.webp"),
    ("s3:ListAllMyBuckets", "*"),
    ("s3:CreateBucket", "arn:aws:s3:::new"),
    # The queue is written to, not read.
    *((f"sqs:{action}", QUEUE) for action in ("ReceiveMessage", "DeleteMessage", "PurgeQueue", "SetQueueAttributes")),
    ("sqs:SendMessage", "arn:aws:sqs:eu-central-1:123456789012:image-pipeline-prod-failures"),
    # Logs go to its own group, which the template makes.
    ("logs:PutLogEvents", STREAM.replace("-dev-", "-prod-")),
    ("logs:PutLogEvents", STREAM.replace("-renditions:", "-renditions2:")),
    ("logs:CreateLogGroup", STREAM),
    ("logs:DeleteLogStream", STREAM),
    # And nothing of anybody else's.
    ("lambda:InvokeFunction", "arn:aws:lambda:eu-central-1:123456789012:function:image-pipeline-dev-renditions"),
    ("iam:PassRole", "arn:aws:iam::123456789012:role/any"),
    ("sts:AssumeRole", "arn:aws:iam::123456789012:role/any"),
    ("sns:Publish", "arn:aws:sns:eu-central-1:123456789012:image-pipeline-dev-operators"),
    ("sns:Publish", TOPIC.replace("-dev-", "-prod-")),
    *((f"sns:{action}", TOPIC) for action in ("Subscribe", "SetTopicAttributes", "DeleteTopic", "GetTopicAttributes")),
    ("kms:Decrypt", "arn:aws:kms:eu-central-1:123456789012:key/any"),
    ("cloudwatch:PutMetricData", "*"),  # metrics go through the log
    ("dynamodb:PutItem", "arn:aws:dynamodb:eu-central-1:123456789012:table/any"),
]


@pytest.mark.parametrize(("action", "resource"), NEEDED)
def test_what_the_code_does_is_allowed(package: Package, action: str, resource: str) -> None:
    assert allowed(package, action, resource, OURS)


@pytest.mark.parametrize(("action", "resource"), FORBIDDEN)
def test_what_the_code_does_not_do_is_denied(package: Package, action: str, resource: str) -> None:
    assert not allowed(package, action, resource, OURS)


@pytest.mark.parametrize(("action", "resource"), [one for one in NEEDED if one[0].startswith(("s3:", "sqs:"))])
def test_plain_http_is_denied_even_where_https_is_allowed(package: Package, action: str, resource: str) -> None:
    assert not allowed(package, action, resource, OURS | {"aws:SecureTransport": "false"})


@pytest.mark.parametrize(("action", "resource"), [one for one in NEEDED if one[0].startswith("s3:")])
def test_a_bucket_of_the_same_name_in_another_account_is_denied(package: Package, action: str, resource: str) -> None:
    assert not allowed(package, action, resource, OURS | {"s3:ResourceAccount": "999999999999"})


def test_no_statement_allows_a_whole_family_of_actions_or_everything(package: Package) -> None:
    for statement in role_statements(package):
        assert not any("*" in action for action in listed(statement["Action"])), statement
        assert not any(resource == "*" for resource in listed(statement["Resource"])), statement


def test_every_allowed_action_is_one_that_the_code_needs(package: Package) -> None:
    said = {action for statement in role_statements(package) for action in listed(statement["Action"])}
    assert said == {action for action, _ in NEEDED}


def test_only_lambda_may_take_the_role(package: Package) -> None:
    (role,) = package.of_type("AWS::IAM::Role").values()
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": ["lambda.amazonaws.com"]}
