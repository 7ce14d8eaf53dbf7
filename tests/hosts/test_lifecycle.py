"""Starting and stopping: `Ready.` means ready, and nothing is left behind."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.ports import free_port

from .endpoint import ROOT, Endpoint, environment, python_of, start_command
from .functions import until

Start = Callable[..., Endpoint]


def refused(command: list[str], temporary: Path, **env: str) -> str:
    """The one line that a start which cannot succeed prints on standard error."""
    ended = subprocess.run(
        command,
        env=environment(temporary, env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert list(temporary.iterdir()) == []
    return ended.stderr


def test_ready_means_that_requests_are_served(start: Start, host: str) -> None:
    endpoint = start(host)
    assert endpoint.client("memorydb").describe_clusters()["Clusters"] == []


def test_only_loopback_is_listened_on(start: Start, host: str) -> None:
    held = start(host).listening()
    assert {address for address, _ in held} == {"127.0.0.1"}


def test_localstack_listens_where_gateway_listen_says(start: Start) -> None:
    port = free_port()
    endpoint = start("localstack", port=port, env={"GATEWAY_LISTEN": f"127.0.0.1:{port},127.0.0.2:{port}"})
    assert set(endpoint.listening()) == {("127.0.0.1", port), ("127.0.0.2", port)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_nothing_behind(
    start: Start, host: str, number: signal.Signals, temporary: Path
) -> None:
    endpoint = start(host)
    endpoint.client("memorydb").create_cluster(
        ClusterName="left", NodeType="db.t4g.small", ACLName="open-access"
    )
    endpoint.client("s3").create_bucket(Bucket="left")
    until(lambda: len(endpoint.listening()) >= 3)  # the API, a primary and a replica
    held = endpoint.listening()
    code, took, children = endpoint.stop(number)
    assert (code, children) == (0, [])
    assert took < 5
    assert list(temporary.iterdir()) == []
    for address, port in held:
        socket.create_server((address, port)).close()


def test_a_stop_while_starting_is_a_stop(host: str, temporary: Path) -> None:
    process = subprocess.Popen(
        start_command(host, free_port()), env=environment(temporary), stdout=subprocess.PIPE
    )
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.6)
        process.terminate()
        process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode in {0, -signal.SIGTERM}
    assert list(temporary.iterdir()) == []


def test_a_cluster_survives_nothing_but_the_next_start_is_clean(start: Start) -> None:
    first = start("standalone")
    first.client("memorydb").create_cluster(
        ClusterName="again", NodeType="db.t4g.small", ACLName="open-access"
    )
    first.stop()
    second = start("standalone", port=first.port)
    assert second.client("memorydb").describe_clusters()["Clusters"] == []


def test_a_taken_port_is_one_line(host: str, temporary: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(start_command(host, port), temporary)
    assert line == f"localstack-memorydb: port {port} is already in use; choose another one with --port\n"


def test_an_unusable_data_directory_is_one_line(host: str, temporary: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    wanted = tmp_path / "file" / "data"
    line = refused(start_command(host, free_port(), "--data-dir", str(wanted)), temporary)
    assert line == f"localstack-memorydb: the data directory {wanted} cannot be used: Not a directory\n"


def test_a_bad_setting_is_one_line(host: str, temporary: Path) -> None:
    line = refused(start_command(host, free_port()), temporary, MEMORYDB_PORT_RANGE="1-")
    assert line == "localstack-memorydb: MEMORYDB_PORT_RANGE=1-: must be two ports, first-last\n"


@pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1:{page}", "http://127.0.0.1:{nobody}"])
@pytest.mark.parametrize("command", ["ca", "demo"])
def test_an_endpoint_that_is_none_is_one_line(command: str, url: str, temporary: Path) -> None:
    class Page(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing on standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as other, ThreadPoolExecutor() as beside:
        serving = beside.submit(other.serve_forever)
        wanted = url.format(page=other.server_port, nobody=free_port())
        program = [str(python_of("standalone")), "-m", "localstack_memorydb", command]
        line = refused([*program, "--endpoint-url", wanted], temporary)
        other.shutdown()
        serving.result()
    assert line.startswith("localstack-memorydb: ")
    assert wanted in line or "(501)" in line


def test_the_demo_says_why_its_cluster_did_not_start(start: Start, host: str) -> None:
    port = free_port()
    endpoint = start(host, env={"MEMORYDB_NODE_ADDRESSES": "range", "MEMORYDB_PORT_RANGE": f"{port}-{port}"})
    program = [str(python_of("standalone")), "-m", "localstack_memorydb", "demo"]
    ended = subprocess.run(
        [*program, "--endpoint-url", endpoint.url], capture_output=True, text=True, timeout=240
    )
    assert ended.returncode == 1
    assert "is create-failed: " in ended.stderr
    assert "widen MEMORYDB_PORT_RANGE" in ended.stderr


def test_a_host_that_make_start_does_not_know_is_one_line() -> None:
    command = ["make", "--silent", "start", "HOST=nonsense"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 2
    assert ended.stderr.startswith("HOST=nonsense: must be auto, localstack or standalone\n")


def test_a_missing_extra_is_one_line(host: str, temporary: Path) -> None:
    other = {"standalone": "localstack", "localstack": "standalone"}[host]
    command = start_command(other, free_port())
    command[0] = str(python_of(host))
    line = refused(command, temporary)
    assert f"pip install 'localstack-memorydb[{other}]'" in line


def test_state_goes_to_the_data_directory(start: Start, host: str, tmp_path: Path) -> None:
    first = start(host, "--data-dir", str(tmp_path / "data"))
    authority = first.get("/_memorydb/ca.pem")
    first.stop()
    second = start(host, "--data-dir", str(tmp_path / "data"))
    assert second.get("/_memorydb/ca.pem") == authority


@pytest.mark.localstack
@pytest.mark.parametrize(
    "command",
    [["python", "-m", "localstack.runtime.main"], ["localstack-supervisor"]],
    ids=["module", "supervisor"],
)
def test_plain_localstack_finds_the_plugin(command: list[str], start: Start, temporary: Path) -> None:
    if not python_of("localstack").exists():
        pytest.skip("LocalStack is not installed here")
    port = free_port()
    env = {
        "OVERRIDE_IN_DOCKER": "0",
        "FILESYSTEM_ROOT": str(temporary / "root"),
        "DNS_ADDRESS": "0",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
    }
    place = python_of("localstack").parent
    endpoint = start("localstack", command=[str(place / command[0]), *command[1:]], port=port, env=env)
    assert json.loads(endpoint.get("/_localstack/health"))["services"]["memorydb"] == "available"
    assert endpoint.client("memorydb").describe_clusters()["Clusters"] == []


def test_the_plugin_adds_little_to_the_start_of_localstack(temporary: Path) -> None:
    if not python_of("localstack").exists():
        pytest.skip("LocalStack is not installed here")
    program = (
        "import localstack.runtime.hooks, localstack.services.plugins, sys;"
        "before = set(sys.modules);"
        "import localstack_memorydb.integrations.localstack.plugins;"
        "print(*sorted(set(sys.modules) - before))"
    )
    ended = subprocess.run(
        [python_of("localstack"), "-c", program],
        env=environment(temporary),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert {name.partition(".")[0] for name in ended.stdout.split()} == {"localstack_memorydb"}


def test_make_help_lists_what_the_readme_promises() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=240).stdout
    assert {"help", "start", "test", "check", "bench"} <= set(
        re.findall(r"^  ([a-z-]+) ", said, re.MULTILINE)
    )
