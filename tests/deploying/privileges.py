"""A small evaluator of IAM for the statements that the packaged template has, and nothing beyond them.

What it does not know (an operator, an intrinsic function) it refuses, so that a new statement can't pass unread.
"""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from tests.deploying.conftest import Package

ACCOUNT = "123456789012"
REGION = "eu-central-1"
PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": REGION}

Statement = Mapping[str, Any]


def resolved(value: Any, package: Package) -> Any:
    """Return the value with its intrinsic functions answered as CloudFormation would."""
    if isinstance(value, list):
        return [resolved(one, package) for one in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        name = value["Ref"]
        if name in PSEUDO:
            return PSEUDO[name]
        arn = arn_of(name, package)
        return arn if package.resource(name)["Type"] == "AWS::SNS::Topic" else arn.rpartition(":")[2]
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(resolved(parts, package))
    if "Fn::GetAtt" in value:
        name, attribute = value["Fn::GetAtt"]
        assert attribute == "Arn"
        return arn_of(name, package)
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([\w:.]+)\}", lambda found: _substituted(found[1], package), value["Fn::Sub"])
    return {name: resolved(one, package) for name, one in value.items()}


def _substituted(name: str, package: Package) -> str:
    return PSEUDO[name] if name in PSEUDO else arn_of(name.removesuffix(".Arn"), package)


def arn_of(name: str, package: Package) -> str:
    """Return the ARN of a bucket, a queue or a topic of the template."""
    resource = package.resource(name)
    properties = resource["Properties"]
    match resource["Type"]:
        case "AWS::S3::Bucket":
            # The framework's own bucket for deployments gets its name from CloudFormation.
            return f"arn:aws:s3:::{properties.get('BucketName', 'deployments')}"
        case "AWS::SQS::Queue":
            return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{properties['QueueName']}"
        case "AWS::SNS::Topic":
            return f"arn:aws:sns:{REGION}:{ACCOUNT}:{properties['TopicName']}"
    raise AssertionError(f"no ARN known of {resource['Type']}")


def role_statements(package: Package) -> list[Statement]:
    """Return everything that the function's role says."""
    (role,) = package.of_type("AWS::IAM::Role").values()
    assert not role.get("ManagedPolicyArns"), "a managed policy is somebody else's decision"
    return [
        statement
        for policy in role["Policies"]
        for statement in resolved(policy["PolicyDocument"]["Statement"], package)
    ]


def resource_statements(package: Package) -> list[Statement]:
    """Return what buckets and queue say themselves."""
    policies = [*package.of_type("AWS::S3::BucketPolicy").values(), *package.of_type("AWS::SQS::QueuePolicy").values()]
    return [one for policy in policies for one in resolved(policy["PolicyDocument"]["Statement"], package)]


def allowed(package: Package, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Return whether the function may do this: allowed somewhere, denied nowhere."""
    statements = [*role_statements(package), *resource_statements(package)]
    effects = {one["Effect"] for one in statements if _applies(one, action, resource, context)}
    return effects == {"Allow"}


def _applies(statement: Statement, action: str, resource: str, context: Mapping[str, str]) -> bool:
    assert set(statement) <= {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    return (
        any(fnmatchcase(action.lower(), one.lower()) for one in listed(statement["Action"]))
        and any(fnmatchcase(resource, one) for one in listed(statement["Resource"]))
        and all(_holds(operator, wanted, context) for operator, wanted in statement.get("Condition", {}).items())
    )


def _holds(operator: str, wanted: Mapping[str, str], context: Mapping[str, str]) -> bool:
    assert operator in {"StringEquals", "Bool"}
    return all(context.get(key) == value for key, value in wanted.items())


def listed(value: Any) -> list[str]:
    """Return the value as a list; IAM takes one or many everywhere."""
    return value if isinstance(value, list) else [value]
