"""What the README, the documentation and the examples say is what happens."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from botocore.loaders import Loader
from redis import ConnectionError as RedisConnectionError
from redis import Redis

from tests.ports import free_port

from .conftest import HOSTS, require
from .endpoint import LOCALSTACK_PYTHON, ROOT, Endpoint, environment
from .test_story import available

README_URL = "http://127.0.0.1:4566"


@pytest.fixture(scope="module", params=HOSTS)
def endpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A host that only documents use: they name things as readers would, and so do other tests."""
    running = Endpoint.start(require(request.param), tmp_path_factory.mktemp("documents"))
    yield running
    running.stop()


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)


def run(command: list[str], temporary: Path, env: Mapping[str, str] | None = None) -> str:
    ended = subprocess.run(
        command, env=environment(temporary, env), cwd=temporary, capture_output=True, text=True, timeout=240
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="session")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model by which the AWS CLI looks twice a second what became of a stack. By its own it sleeps for thirty seconds."""
    loader, wanted = Loader(), ("cloudformation", "waiters-2")
    place = tmp_path_factory.mktemp("models")
    model = place / wanted[0] / loader.determine_latest_version(*wanted) / f"{wanted[1]}.json"
    model.parent.mkdir(parents=True)
    found = loader.load_service_model(*wanted)
    waiters = {name: {**each, "delay": 0.5, "maxAttempts": 400} for name, each in found["waiters"].items()}
    model.write_text(json.dumps({**found, "waiters": waiters}))
    return place


@pytest.fixture
def shell(temporary: Path, hasty: Path) -> Callable[..., str]:
    """What a script says that uses these programs, the AWS CLI among them; skips where one of them is not installed."""

    def say(script: str, *programs: str, before: str = "") -> str:
        path = f"{before}{LOCALSTACK_PYTHON.parent}:{os.environ['PATH']}"
        for program in ("aws", *programs):
            if shutil.which(program, path=path) is None:
                pytest.skip(f"{program} is not installed")
        variables = {"PATH": path, "AWS_PAGER": "", "AWS_DATA_PATH": str(hasty)}
        return run(["bash", "-ec", script], temporary, variables)

    return say


def test_the_readmes_python_prints_what_it_says(endpoint: Endpoint, temporary: Path) -> None:
    (program,) = blocks("README.md", "python")
    assert README_URL in program
    (said,) = blocks("README.md", "text")
    assert run([sys.executable, "-c", program.replace(README_URL, endpoint.url)], temporary) == said


def test_the_readmes_shell_commands_end_with_a_file_in_the_bucket(
    endpoint: Endpoint, shell: Callable[..., str]
) -> None:
    (script,) = blocks("README.md", "bash")
    assert README_URL in script
    said = shell(script.replace(README_URL, endpoint.url))
    assert said.rstrip().endswith("monday-export-0001.rdb")


def test_what_is_written_in_one_region_is_read_in_another(
    endpoint: Endpoint, shell: Callable[..., str]
) -> None:
    (script,) = blocks("docs/multi-region.md", "bash")
    assert README_URL in script
    said = shell(script.replace(README_URL, endpoint.url), "curl", "redis-cli")
    assert "OK\nhello\n" in said
    assert said.endswith('"deleting"\n' * 3)


@pytest.mark.parametrize(
    ("page", "ending"),
    [("docs/s3-snapshots.md", "100\n"), ("docs/cloudformation.md", "available\t2\n")],
)
def test_the_shell_commands_of_a_page(
    endpoint: Endpoint, shell: Callable[..., str], page: str, ending: str
) -> None:
    (script,) = blocks(page, "bash")
    assert README_URL in script
    assert shell(script.replace(README_URL, endpoint.url), "redis-cli").endswith(ending)


@pytest.mark.parametrize("page", ["docs/dynamodb.md", "docs/access.md"])
def test_the_program_of_a_page_prints_what_it_says(endpoint: Endpoint, temporary: Path, page: str) -> None:
    (program,) = blocks(page, "python")
    (said,) = blocks(page, "text")
    assert README_URL in program
    assert run([sys.executable, "-c", program.replace(README_URL, endpoint.url)], temporary) == said


def test_the_providers_block_is_that_of_the_example() -> None:
    (block,) = blocks("docs/terraform.md", "hcl")
    assert block in (ROOT / "examples" / "terraform" / "main.tf").read_text()


def test_the_search_that_is_shown_finds_the_film(endpoint: Endpoint, temporary: Path) -> None:
    (program,) = blocks("docs/search.md", "python")
    (said,) = blocks("docs/search.md", "text")
    memorydb = endpoint.client("memorydb")
    memorydb.create_cluster(
        ClusterName="films",
        NodeType="db.t4g.small",
        ACLName="open-access",
        TLSEnabled=False,
        ParameterGroupName="default.memorydb-redis7.search",
    )
    address = available(endpoint, "films")["ClusterEndpoint"]["Address"]
    assert "ADDRESS" in program
    assert run([sys.executable, "-c", program.replace("ADDRESS", address)], temporary) == said
    memorydb.delete_cluster(ClusterName="films")


def test_the_shell_commands_of_the_cloudformation_example_make_a_cluster(
    endpoint: Endpoint, shell: Callable[..., str]
) -> None:
    script, _ = blocks(
        "examples/cloudformation/README.md", "bash"
    )  # test_cdk.py does what the second one says
    script = script.replace(README_URL, endpoint.url)
    script = script.replace("file://", f"file://{ROOT}/examples/cloudformation/")
    assert "ClusterArn" in shell(script)
    shell(
        script.partition("SUBNETS=")[0]
        + "aws cloudformation delete-stack --stack-name shop\n"
        + "aws cloudformation wait stack-delete-complete --stack-name shop\n"
    )


def test_the_mock_aws_snippet_prints_what_it_says(temporary: Path) -> None:
    (program,) = blocks("docs/standalone.md", "python")
    (said,) = blocks("docs/standalone.md", "text")
    assert (
        run(
            [sys.executable, "-c", program],
            temporary,
            {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
        )
        == said
    )


def test_the_quickstart(endpoint: Endpoint, temporary: Path) -> None:
    script = ROOT / "examples" / "quickstart" / "quickstart.py"
    said = run([sys.executable, str(script), "--endpoint-url", endpoint.url], temporary)
    (_, promised) = blocks("examples/quickstart/README.md", "console")[0].split("quickstart.py\n")
    assert re.sub(r"127\.\d+\.\d+\.\d+", "127.x.y.z", said) == promised


def test_snapshots_in_s3(endpoint: Endpoint, temporary: Path) -> None:
    script = ROOT / "examples" / "s3-snapshots" / "s3_snapshots.py"
    said = run([sys.executable, str(script), "--endpoint-url", endpoint.url], temporary)
    (_, promised) = blocks("examples/s3-snapshots/README.md", "console")[0].split("s3_snapshots.py\n")
    assert re.sub(r"s3://[^/]+/", "s3://.../", said) == promised


@pytest.mark.parametrize("example", ["lambda", "dynamodb-stream"])
def test_functions(endpoint: Endpoint, temporary: Path, example: str) -> None:
    script = ROOT / "examples" / example / "deploy.py"
    said = run([sys.executable, str(script), "--endpoint-url", endpoint.url], temporary)
    (_, promised) = blocks(f"examples/{example}/README.md", "console")[0].split("deploy.py\n")
    assert said == promised


def test_failover_alerts(endpoint: Endpoint, temporary: Path) -> None:
    script = ROOT / "examples" / "failover-alerts" / "alerts.py"
    said = run([sys.executable, str(script), "--endpoint-url", endpoint.url], temporary)
    (_, promised) = blocks("examples/failover-alerts/README.md", "console")[0].split("alerts.py\n")
    assert said == promised


@pytest.mark.parametrize("example", ["session-store", "message-queue"])
def test_applications(endpoint: Endpoint, temporary: Path, example: str) -> None:
    script = ROOT / "examples" / example / "main.py"
    said = run([sys.executable, str(script), "--endpoint-url", endpoint.url], temporary)
    (_, promised) = blocks(f"examples/{example}/README.md", "console")[0].split("main.py\n")
    assert said == promised


def test_the_session_store_by_hand(endpoint: Endpoint, shell: Callable[..., str]) -> None:
    (script,) = blocks("examples/session-store/README.md", "bash")
    for written, here in {
        README_URL: endpoint.url,
        "examples/": f"{ROOT}/examples/",
        "8000": str(free_port()),
    }.items():
        assert written in script
        script = script.replace(written, here)
    said = shell(script, "curl", before=f"{Path(sys.executable).parent}:")
    assert '{"user":"ada"}\n{"cart":["tea"]}\n' in said


def test_semantic_cache(endpoint: Endpoint, temporary: Path) -> None:
    script = ROOT / "examples" / "semantic-cache" / "semantic_cache.py"
    said = run([sys.executable, str(script), "--endpoint-url", endpoint.url], temporary)
    (_, promised) = blocks("examples/semantic-cache/README.md", "console")[0].split("semantic_cache.py\n")
    assert said == promised


def test_iam_authentication(endpoint: Endpoint, temporary: Path) -> None:
    example = str(ROOT / "examples" / "iam-auth" / "main.py")
    assert run([sys.executable, example, "--endpoint-url", endpoint.url], temporary) == "connected as app\n"


def test_the_demo_runs_to_its_end(endpoint: Endpoint, temporary: Path) -> None:
    said = run(
        [sys.executable, "-m", "localstack_memorydb", "demo", "--endpoint-url", endpoint.url], temporary
    )
    assert "no error seen" in said
    assert "10,000" in said
    assert said.splitlines()[-1].startswith("Done in ")
    left = endpoint.client("memorydb").describe_clusters()["Clusters"]
    assert [row["Name"] for row in left if row["Name"].startswith(("orders-", "restored-"))] == []


def test_the_demo_starts_an_endpoint_of_its_own(temporary: Path) -> None:
    said = run([sys.executable, "-m", "localstack_memorydb", "demo"], temporary)
    assert said.startswith("Started an endpoint of its own: http://127.0.0.1:")
    assert list(temporary.iterdir()) == []


def test_the_certificate_is_printed(endpoint: Endpoint, temporary: Path) -> None:
    said = run([sys.executable, "-m", "localstack_memorydb", "ca", "--endpoint-url", endpoint.url], temporary)
    assert said.encode() == endpoint.get("/_memorydb/ca.pem")


def test_the_authority_is_rotated(endpoint: Endpoint, temporary: Path) -> None:
    memorydb, former = endpoint.client("memorydb"), endpoint.get("/_memorydb/ca.pem")
    memorydb.create_cluster(ClusterName="rotated", NodeType="db.t4g.small", ACLName="open-access")
    place = available(endpoint, "rotated")["ClusterEndpoint"]

    def connect(authority: bytes) -> Redis:
        return Redis(place["Address"], place["Port"], ssl=True, ssl_ca_data=authority.decode())

    with connect(former) as connected:
        connected.ping()
        command = [sys.executable, "-m", "localstack_memorydb", "ca", "--endpoint-url", endpoint.url]
        printed = run([*command, "--rotate"], temporary).encode()
        assert printed == endpoint.get("/_memorydb/ca.pem") != former
        assert connected.ping()
    with connect(printed) as trusting:
        assert trusting.ping()
    with (
        connect(former) as distrusting,
        pytest.raises(RedisConnectionError, match="certificate verify failed"),
    ):
        distrusting.ping()
    memorydb.delete_cluster(ClusterName="rotated")


def test_how_to_trust_the_certificate(endpoint: Endpoint, temporary: Path) -> None:
    command = [sys.executable, "-m", "localstack_memorydb", "ca", "--endpoint-url", endpoint.url]
    said = subprocess.run([*command, "--install-hint"], capture_output=True, text=True, check=True)
    assert said.stdout.encode() == endpoint.get("/_memorydb/ca.pem")
    for client in ("redis-py", "redis-cli", "Node.js", "update-ca-certificates"):
        assert client in said.stderr


def test_the_doctor_finds_a_host(temporary: Path) -> None:
    said = run([sys.executable, "-m", "localstack_memorydb", "doctor"], temporary)
    assert "stand-alone host" in said


def test_links_between_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")]
    broken = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert broken == []
