"""The packaged template against what the code, the pages and good practice ask of it."""

import ast
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ops import package_bytecode, verify_package
from ops.pythons import LAMBDA, find
from ops.recipe import compiled
from tests.deploying.conftest import ROOT, Framework, Package, read_package

pytestmark = pytest.mark.slow
BUCKETS = ("S3BucketRaw", "RenditionsBucket")


def test_the_function_is_the_handler_and_gets_the_environment_that_the_code_reads(package: Package) -> None:
    function = package.resource("RenditionsLambdaFunction")["Properties"]
    module, name = function["Handler"].split(".")
    tree = ast.parse((ROOT / f"{module}.py").read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    given = function["Environment"]["Variables"]
    read = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+|STAGE)"', (ROOT / "handler.py").read_text()))
    read.discard("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")  # Lambda's own
    assert {"RAW_BUCKET", "RENDITIONS_BUCKET", "EXPECTED_BUCKET_OWNER"} <= read
    assert read <= set(given)
    assert {name for name in given if not name.startswith(("POWERTOOLS_", "MALLOC_"))} == read
    assert given["EXPECTED_BUCKET_OWNER"] == "123456789012"


def test_the_buckets_of_the_environment_are_the_ones_that_are_made_and_differ(package: Package) -> None:
    given = package.resource("RenditionsLambdaFunction")["Properties"]["Environment"]["Variables"]
    raw, renditions = (package.resource(name)["Properties"]["BucketName"] for name in BUCKETS)
    assert (given["RAW_BUCKET"], given["RENDITIONS_BUCKET"]) == (raw, renditions)
    assert raw != renditions


def test_rejections_go_to_the_topic_that_is_made(package: Package) -> None:
    given = package.resource("RenditionsLambdaFunction")["Properties"]["Environment"]["Variables"]
    assert given["EDITORS_TOPIC"] == {"Ref": "EditorsTopic"}


def test_no_name_is_of_one_partition_of_aws_alone(package: Package) -> None:
    assert "arn:aws:" not in json.dumps(package.template)


def test_every_creation_and_removal_in_raw_starts_the_function_and_nothing_in_renditions_does(package: Package) -> None:
    told = package.resource("S3BucketRaw")["Properties"]["NotificationConfiguration"]["LambdaConfigurations"]
    assert {one["Event"] for one in told} == {
        "s3:ObjectCreated:*",
        "s3:ObjectRemoved:*",
        "s3:ObjectRestore:Completed",
    }
    assert all("Filter" not in one for one in told), "a suffix filter would miss .JPG"
    assert "NotificationConfiguration" not in package.resource("RenditionsBucket")["Properties"]


def test_only_the_raw_bucket_of_this_account_may_start_the_function(package: Package) -> None:
    (permission,) = package.of_type("AWS::Lambda::Permission").values()
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert permission["SourceArn"]["Fn::Join"][1][-1].endswith("image-pipeline-dev-raw-123456789012")
    assert permission["Principal"] == "s3.amazonaws.com"


@pytest.mark.parametrize("name", BUCKETS)
def test_each_bucket_is_private_owned_encrypted_and_cleans_up_after_broken_uploads(package: Package, name: str) -> None:
    bucket = package.resource(name)["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert any(rule.get("AbortIncompleteMultipartUpload") == {"DaysAfterInitiation": 1} for rule in rules)


def test_overwritten_sources_stay_for_a_while_and_tombstones_go_after_a_day(package: Package) -> None:
    raw, renditions = (package.resource(name)["Properties"] for name in BUCKETS)
    assert raw["VersioningConfiguration"] == {"Status": "Enabled"}
    assert any("NoncurrentVersionExpiration" in rule for rule in raw["LifecycleConfiguration"]["Rules"])
    assert not any("ExpirationInDays" in rule for rule in raw["LifecycleConfiguration"]["Rules"]), "no source expires"
    expiring = [rule for rule in renditions["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]
    assert [(rule["TagFilters"], rule["ExpirationInDays"]) for rule in expiring] == [
        ([{"Key": "state", "Value": "removed"}], 1)
    ]
    # The tag is the one that the code sets.
    assert 'TOMBSTONE_TAG = "state=removed"' in (ROOT / "imaging" / "publishing" / "storage.py").read_text()


def test_what_fails_three_times_waits_fourteen_days_in_an_encrypted_queue(package: Package) -> None:
    (config,) = package.of_type("AWS::Lambda::EventInvokeConfig").values()
    assert config["MaximumRetryAttempts"] == 2
    assert config["MaximumEventAgeInSeconds"] == 21600
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["FailureQueue", "Arn"]}
    queue = package.resource("FailureQueue")["Properties"]
    assert (queue["MessageRetentionPeriod"], queue["SqsManagedSseEnabled"]) == (1209600, True)


def test_the_function_runs_on_arm64_with_a_whole_processor(package: Package) -> None:
    function = package.resource("RenditionsLambdaFunction")["Properties"]
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert (function["MemorySize"], function["Timeout"]) == (1769, 120)


def test_nothing_costs_while_idle(package: Package) -> None:
    kinds = {one["Type"] for one in package.template["Resources"].values()}
    assert not kinds & {"AWS::KMS::Key", "AWS::EC2::NatGateway", "AWS::DynamoDB::Table", "AWS::ApiGateway::RestApi"}
    function = package.resource("RenditionsLambdaFunction")["Properties"]
    assert "VpcConfig" not in function
    assert len(package.of_type("AWS::CloudWatch::Alarm")) <= 10
    assert len(package.of_type("AWS::CloudWatch::Dashboard")) == 1


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alarm_says_where_to_read_on_and_somebody_hears_it(package: Package) -> None:
    alarms = package.of_type("AWS::CloudWatch::Alarm")
    sections = _anchors(ROOT / "docs" / "runbooks.md")
    for name, alarm in alarms.items():
        page, _, section = alarm["AlarmDescription"].split()[-1].partition("#")
        assert page == "docs/runbooks.md", name
        assert section in sections, name
        assert alarm["AlarmActions"], name
    watched = {alarm["MetricName"] for alarm in alarms.values()}
    assert watched == {
        "ApproximateNumberOfMessagesVisible",
        "DestinationDeliveryFailures",
        "Errors",
        "Throttles",
        "Duration",
        "RecursiveInvocationsDropped",
        "Rejected",
        "CrashesInARow",
    }


def test_the_metrics_that_are_watched_are_the_ones_that_the_code_sends(package: Package) -> None:
    function = package.resource("RenditionsLambdaFunction")["Properties"]["Environment"]["Variables"]
    sent = (ROOT / "imaging" / "edges" / "telemetry.py").read_text()
    for name in ("RejectionsAlarm", "CrashesAlarm"):
        alarm = package.resource(name)["Properties"]
        assert alarm["Namespace"] == function["POWERTOOLS_METRICS_NAMESPACE"]
        dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        assert dimensions == {"service": function["POWERTOOLS_SERVICE_NAME"], "stage": function["STAGE"]}
    assert '_measure("CrashesInARow"' in sent


def test_one_picture_that_crashes_the_sandbox_rings_nobody_and_a_second_one_does(package: Package) -> None:
    alarm = package.resource("CrashesAlarm")["Properties"]
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
        *("Maximum", "GreaterThanOrEqualToThreshold", 2),
    )


def test_what_malloc_is_told_reaches_the_process_that_opens_pictures(package: Package) -> None:
    function = package.resource("RenditionsLambdaFunction")["Properties"]["Environment"]["Variables"]
    settings = {name for name in function if name.startswith("MALLOC_")}
    assert settings == {"MALLOC_ARENA_MAX", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_"}
    assert 'startswith("MALLOC_")' in (ROOT / "imaging" / "sandbox" / "child.py").read_text()


def test_the_duration_alarm_comes_before_the_timeout(package: Package) -> None:
    timeout = package.resource("RenditionsLambdaFunction")["Properties"]["Timeout"] * 1000
    assert 0.7 * timeout <= package.resource("DurationAlarm")["Properties"]["Threshold"] < timeout


def test_mail_goes_out_only_where_an_address_is_given(package: Package) -> None:
    for name, condition in (("OperatorsSubscription", "OperatorsListen"), ("EditorsSubscription", "EditorsListen")):
        assert package.resource(name)["Condition"] == condition
    assert package.template["Parameters"]["OperatorsEmail"]["Default"] == ""


def test_prod_keeps_its_sources_on_removal_and_dev_does_not(sls: Framework, project: Path, package: Package) -> None:
    sls("package", "--stage", "prod", "--package", "package-prod", "--param", "architecture=x86_64")
    prod = read_package(project / "package-prod")
    for one, kept in ((prod, "Retain"), (package, "Delete")):
        assert one.resource("S3BucketRaw")["DeletionPolicy"] == kept
        assert one.resource("S3BucketRaw")["UpdateReplacePolicy"] == kept
    # The processor is one setting, and the wheels follow it.
    assert prod.resource("RenditionsLambdaFunction")["Properties"]["Architectures"] == ["x86_64"]
    assert {processor_of(library) for library in libraries_of(prod)} == {"x86-64"}
    # Nothing that the two stages make has the same name.
    names = [set(re.findall(r"image-pipeline-(?:dev|prod)[\w-]*", str(one.template))) for one in (package, prod)]
    assert not names[0] & names[1]


def libraries_of(package: Package) -> list[bytes]:
    """Return the heads of all shared libraries in the zip."""
    with zipfile.ZipFile(package.zipped) as archive:
        names = [name for name in archive.namelist() if ".so" in Path(name).suffixes]
        assert names
        return [archive.read(name)[:20] for name in names]


def processor_of(library: bytes) -> str:
    """Return the processor that an ELF file is for."""
    return {62: "x86-64", 183: "arm64"}[int.from_bytes(library[18:20], "little")]


def test_the_zip_holds_the_function_and_its_dependencies_and_nothing_else(package: Package) -> None:
    assert {name.split("/")[0] for name in package.files() if not name.endswith(".pyc")} == {
        *("handler.py", "imaging", "recipe.toml", "recipe.json"),
        *("PIL", "pillow.libs", "pi_heif", "pi_heif.libs", "_pi_heif.cpython-313-aarch64-linux-gnu.so"),
        "pyvips_binary.libs",
        *("aws_lambda_powertools", "typing_extensions.py"),
        *("botocore", "jmespath", "dateutil", "six.py", "urllib3"),
    }
    imaging = {name for name in package.files() if name.startswith("imaging/") and not name.endswith(".pyc")}
    assert imaging == {path.relative_to(ROOT).as_posix() for path in (ROOT / "imaging").rglob("*.py")}


def test_the_recipe_in_the_zip_is_the_one_beside_it_compiled(package: Package) -> None:
    with zipfile.ZipFile(package.zipped) as archive:
        assert archive.read("recipe.json") == compiled(ROOT / "recipe.toml")
        assert archive.read("recipe.toml") == (ROOT / "recipe.toml").read_bytes()


def test_the_zip_is_small_and_every_library_is_for_lambdas_processor(package: Package) -> None:
    with zipfile.ZipFile(package.zipped) as archive:
        bytecode = sum(entry.compress_size for entry in archive.infolist() if entry.filename.endswith(".pyc"))
    size = package.zipped.stat().st_size
    assert size < verify_package.LARGEST_ZIP == 20_000_000
    assert size - bytecode < verify_package.LARGEST_WITHOUT_BYTECODE == 18_000_000
    assert {processor_of(library) for library in libraries_of(package)} == {"arm64"}


# --- Bytecode


@pytest.fixture(scope="session")
def lambdas_python() -> str:
    """A CPython of Lambda's version, or a skip where there is none."""
    python = find(LAMBDA)
    if python is None:
        pytest.skip(f"bytecode is made by CPython {LAMBDA}, which this machine does not have")
    return python


def test_every_module_in_the_zip_has_bytecode_that_is_not_checked_against_it(
    package: Package, lambdas_python: str
) -> None:
    magic = subprocess.run(  # noqa: S603  a Python of this machine
        [lambdas_python, "-c", "import importlib.util as u, sys; sys.stdout.buffer.write(u.MAGIC_NUMBER)"],
        capture_output=True,
        check=True,
    ).stdout
    modules = {name for name in package.files() if name.endswith(".py")}
    cached = {name for name in package.files() if name.endswith(".pyc")}
    assert len(modules) > 300
    assert cached == {str(Path(name).parent / "__pycache__" / f"{Path(name).stem}.cpython-313.pyc") for name in modules}
    with zipfile.ZipFile(package.zipped) as archive:
        heads = {archive.read(name)[:8] for name in cached}
    assert heads == {magic + b"\x01\0\0\0"}


def test_python_takes_the_bytecode_and_compiles_nothing(package: Package, lambdas_python: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(package.zipped) as archive:
        archive.extractall(tmp_path)
    command = [lambdas_python, "-s", "-P", "-v", "-c", "import handler; print(handler.on_event.__code__.co_filename)"]
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == str(tmp_path / "handler.py")
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line and line.startswith("# ")]
    assert any(f"matches {tmp_path}/botocore/session.py" in line for line in ours)
    assert not [
        line for line in ours if line.startswith(("# wrote", "# could not create")) or "bytecode is stale" in line
    ]
    imported = {line.split("'")[1] for line in done.stderr.splitlines() if line.startswith("# code object from '")}
    assert not [path for path in imported if path.startswith(str(tmp_path)) and not path.endswith(".pyc")]


@pytest.mark.usefixtures("lambdas_python")
def test_bytecode_made_twice_is_the_same_to_the_byte(package: Package, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    again.write_bytes(package.zipped.read_bytes())
    assert package_bytecode.main(again, None) == 0
    assert again.read_bytes() == package.zipped.read_bytes()


def test_a_package_goes_without_bytecode_and_with_a_word_where_nothing_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(package_bytecode, "find", lambda _version: None)
    assert package_bytecode.main(tmp_path / "none.zip", None) == 0
    assert "the package goes without bytecode and cold starts take longer" in capsys.readouterr().err


def test_a_traceback_in_lambda_names_the_file_where_lambda_has_it(lambdas_python: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a/b.py", "x = 1\n")
    assert package_bytecode.main(tmp_path / "a.zip", None) == 0
    program = "import marshal, sys; print(marshal.loads(sys.stdin.buffer.read()[16:]).co_filename)"
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        code = archive.read("a/__pycache__/b.cpython-313.pyc")
    done = subprocess.run([lambdas_python, "-c", program], input=code, capture_output=True, check=True)  # noqa: S603
    assert done.stdout.strip() == b"/var/task/a/b.py"


# --- What else packaging does


def test_the_zip_knows_the_services_that_are_called_and_no_other(package: Package) -> None:
    data = {name.split("/")[2] for name in package.files() if name.startswith("botocore/data/")}
    assert data == {"s3", "sns", "_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json"}


@pytest.mark.usefixtures("docker")
def test_packaging_through_docker_gives_the_same_files(sls: Framework, project: Path, package: Package) -> None:
    sls("package", "--stage", "dev", "--package", "package-docker", DOCKERIZE_PIP="true")
    assert read_package(project / "package-docker").files() == package.files()


def test_a_stage_name_too_long_for_a_bucket_is_refused_before_anything_is_made(sls: Framework) -> None:
    said = sls("package", "--stage", "a-stage-that-has-a-long-name", "--package", "package-long", fails=True)
    assert "S3 takes 63 at most" in said


def test_a_recipe_that_is_not_valid_is_refused_before_anything_is_packaged(sls: Framework, project: Path) -> None:
    recipe = project / "recipe.toml"
    good = recipe.read_text()
    recipe.write_text(good + '\n[[rendition]]\nname = "broken"\nwidht = 10\n')
    try:
        said = sls("package", "--stage", "dev", "--package", "package-broken", fails=True)
    finally:
        recipe.write_text(good)
    assert "widht" in said
    assert not (project / "package-broken" / "image-pipeline.zip").exists()


def test_cfn_lint_finds_nothing(package: Package) -> None:
    template = package.folder / "cloudformation-template-update-stack.json"
    command = [Path(sys.executable).with_name("cfn-lint"), template]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (the locked one)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_checkov_finds_nothing_that_is_not_skipped_with_a_reason(package: Package) -> None:
    # In an environment of its own: it pins another boto3.
    template = package.folder / "cloudformation-template-update-stack.json"
    checkov = ["tool", "run", "--quiet", "--from", "checkov==3.2.533", "checkov"]
    options = ["--framework", "cloudformation", "--file", template.name, "--compact", "--quiet", "--skip-download"]
    done = subprocess.run(  # noqa: S603  (pinned above)
        [Path(sys.executable).with_name("uv"), *checkov, *options],
        cwd=package.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if "Failed to fetch" in done.stderr or "error sending request" in done.stderr:
        pytest.skip("checkov could not be installed: the package registry is not reachable")
    assert done.returncode == 0, done.stdout + done.stderr
    for name, resource in package.template["Resources"].items():
        skips: list[dict[str, Any]] = resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
        assert all(len(skip["comment"]) > 30 for skip in skips), name
