"""Functions as processes: what they answer, what their log says, and that they end."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localstack_memorydb.engine import Engine
from localstack_memorydb.integrations.lambda_runtime import (
    Environment,
    Function,
    Invocation,
    Outcome,
    Pool,
    Runner,
    TooManyRequests,
    UnsupportedRuntime,
)
from localstack_memorydb.integrations.lambda_runtime.archive import BadArchive, unzip
from tests.packages import archive, package

pytest.importorskip("awslambdaric")

PYTHON = "python{}.{}".format(*sys.version_info[:2])
PATIENCE = 100

SOURCE = """
import json, logging, os, subprocess, sys, time

print("loaded")
count = 0

def echo(event, context):
    return event

def environment(event, context):
    return dict(os.environ)

def context(event, context):
    return [context.aws_request_id, context.invoked_function_arn, 0 < context.get_remaining_time_in_millis() <= 30000]

def counting(event, context):
    global count
    count += 1
    return count

def logging_(event, context):
    print("printed")
    print("to stderr", file=sys.stderr)
    logging.getLogger().warning("warned")

def failing(event, context):
    raise ValueError("no such order")

def sleeping(event, context):
    print("asleep")
    time.sleep(600)

def exiting(event, context):
    os._exit(event)

def killed(event, context):
    os.kill(os.getpid(), 9)

def imports(event, context):
    import importlib
    return [name for name in event if not importlib.util.find_spec(name)]

def child(event, context):
    return subprocess.Popen(["sleep", "600"]).pid

def large(event, context):
    return "x" * event

def waiting(event, context):
    open(event["here"], "w").close()
    while not os.path.exists(event["until"]):
        time.sleep(0.005)

def writing(event, context):
    import tempfile
    with tempfile.NamedTemporaryFile(delete=False) as file:
        return file.name
"""
NODE = """
exports.echo = async (event, context) => { console.log("two\\nlines"); return event; };
exports.callback = (event, context, callback) => callback(null, context.getRemainingTimeInMillis() > 0);
exports.failing = async () => { throw new TypeError("no such order"); };
exports.forgotten = async () => { Promise.reject(new Error("lost")); await new Promise((done) => setTimeout(done, 60000)); };
exports.nothing = async () => {};
exports.returned = () => "lost: only promises are waited for";
exports.succeeding = (event, context) => { context.succeed("by the context"); context.done(null, "too late"); };
exports.refusing = (event, context) => context.fail("refused");
exports.held = (event, context, callback) => { setInterval(() => {}, 1000); callback(null, "too late"); };
exports.unheld = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  exports.held(event, context, callback);
};
exports.unsettled = async () => new Promise(() => {});
"""


@pytest.fixture(scope="module")
def authority() -> bytes:
    with Engine() as engine:
        return engine.ca_certificate


@pytest.fixture(scope="module")
def runner(authority: bytes) -> Iterator[Runner]:
    made = Runner(lambda: authority)
    yield made
    made.close()


@pytest.fixture(scope="module")
def code(runner: Runner) -> Path:
    files = {"app.py": SOURCE, "inner/__init__.py": "", "inner/app.py": SOURCE, "index.js": NODE}
    files |= {
        "broken.py": "def (",
        "bad_import.py": "import missing_library",
        "raising.py": "raise OSError('at import')",
    }
    files |= {"esm/index.mjs": 'export const handler = async (event) => ({ from: "esm", event });'}
    return runner.unpack(archive(files), "test")


Make = Callable[..., Environment]


@pytest.fixture
def environment(runner: Runner, code: Path) -> Iterator[Make]:
    """Makes environments of a handler; they are gone after the test."""
    made: list[Environment] = []

    def make(handler: str, **changes: Any) -> Environment:
        made.append(runner.environment(function(code, handler, **changes)))
        return made[-1]

    yield make
    for each in made:
        runner.discard(each)


def function(code: Path, handler: str, runtime: str = PYTHON, timeout: float = 30, **more: Any) -> Function:
    return Function("orders", "$LATEST", runtime, handler, timeout, 128, code, **more)


def invoke(environment: Environment, event: Any = None) -> Outcome:
    return environment.invoke(
        Invocation(json.dumps(event).encode(), "arn:aws:lambda:us-east-1:0:function:orders")
    )


def answer(outcome: Outcome) -> Any:
    return json.loads(outcome.payload)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_handler_answers(environment: Make) -> None:
    outcome = invoke(environment("app.echo"), {"order": 1, "name": "Jürgen"})
    assert (outcome.failed, answer(outcome)) == (False, {"order": 1, "name": "Jürgen"})


@pytest.mark.parametrize("handler", ["inner.app.echo", "inner/app.echo"])
def test_a_handler_may_be_in_a_package(environment: Make, handler: str) -> None:
    assert answer(invoke(environment(handler), "here")) == "here"


def test_the_context_is_that_of_the_invocation(environment: Make) -> None:
    outcome = invoke(environment("app.context"))
    assert answer(outcome) == [outcome.request_id, "arn:aws:lambda:us-east-1:0:function:orders", True]


def test_a_warm_environment_keeps_its_module(environment: Make) -> None:
    warm = environment("app.counting")
    assert [answer(invoke(warm)) for _ in range(3)] == [1, 2, 3]


def test_the_log_has_the_lines_of_lambda(environment: Make) -> None:
    warm = environment("app.logging_")
    outcome = invoke(warm)
    assert [
        re.sub(r"[\d.]+ (ms|MB)|[\d-]+T[\d:.]+Z", "N", line).replace(outcome.request_id, "ID")
        for line in outcome.logs
    ] == [
        f"INIT_START Runtime Version: {PYTHON}\tInterpreter: Python {sys.version.split()[0]}",
        "loaded",
        "START RequestId: ID Version: $LATEST",
        "printed",
        "to stderr",
        "[WARNING]\tN\tID\twarned",
        "END RequestId: ID",
        "REPORT RequestId: ID\tDuration: N\tBilled Duration: N\tMemory Size: N\tMax Memory Used: N\tInit Duration: N",
    ]
    again = invoke(warm)
    assert [line.split()[0] for line in again.logs] == [
        "START",
        "printed",
        "to",
        "[WARNING]",
        "END",
        "REPORT",
    ]
    assert "Init Duration" not in again.logs[-1]
    assert again.log_stream == outcome.log_stream
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", outcome.log_stream)


def test_the_tail_of_a_log_is_four_kilobytes(environment: Make) -> None:
    outcome = replace(invoke(environment("app.echo")), logs=("x" * 5000, "end"))
    assert (len(outcome.tail), outcome.tail[-4:]) == (4096, b"end\n")


def test_an_error_of_the_handler_is_its_answer(environment: Make) -> None:
    failing = environment("app.failing")
    outcome = invoke(failing)
    error = answer(outcome)
    assert outcome.failed
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such order")
    assert error["requestId"] == outcome.request_id
    assert "in failing" in error["stackTrace"][0]
    logged = next(line for line in outcome.logs if line.startswith("[ERROR]"))
    assert logged.startswith("[ERROR] ValueError: no such order\nTraceback (most recent call last):\n")
    assert invoke(failing).logs[0].startswith("START")


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        (
            "nowhere.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'nowhere': No module named 'nowhere'",
        ),
        (
            "bad_import.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'bad_import': No module named 'missing_library'",
        ),
        ("app.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing on module 'app'"),
        (
            "app",
            "Runtime.MalformedHandlerName",
            "Bad handler 'app': not enough values to unpack (expected 2, got 1)",
        ),
        ("raising.handler", "OSError", "at import"),
    ],
)
def test_a_failed_initialisation_is_told_each_time(
    environment: Make, handler: str, kind: str, message: str
) -> None:
    made = environment(handler)
    for _ in range(2):
        outcome = invoke(made)
        error = answer(outcome)
        assert (outcome.failed, error["errorType"], error["errorMessage"]) == (True, kind, message)
        assert error["requestId"] == outcome.request_id
        assert [line for line in outcome.logs if line.startswith("INIT_REPORT")]
        assert outcome.logs[-1].endswith(f"Status: error\tError Type: {kind}")


def test_a_syntax_error_is_one_of_the_users_code(environment: Make) -> None:
    assert answer(invoke(environment("broken.handler")))["errorType"] == "Runtime.UserCodeSyntaxError"


def test_a_timeout_kills_and_the_next_invocation_starts_anew(environment: Make) -> None:
    slow = environment("app.sleeping", timeout=1)
    outcome = invoke(slow)
    said = "Task timed out after 1.00 seconds"
    assert answer(outcome) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {outcome.request_id} Error: {said}",
    }
    assert "asleep" in outcome.logs
    assert outcome.logs[-3].endswith(f"Z {outcome.request_id} {said}")
    assert "\tDuration: 1000.00 ms\tBilled Duration: 1000 ms\t" in outcome.logs[-1]
    assert outcome.logs[-1].endswith("\tStatus: timeout")
    assert invoke(slow).logs[0].startswith("INIT_START")


@pytest.mark.parametrize(
    ("handler", "event", "message"),
    [
        ("app.exiting", 3, "Runtime exited with error: exit status 3"),
        ("app.exiting", 0, "Runtime exited without providing a reason"),
        ("app.killed", None, "Runtime exited with error: signal: killed"),
    ],
)
def test_a_crash_is_told_as_lambda_tells_it(
    environment: Make, handler: str, event: Any, message: str
) -> None:
    crashing = environment(handler)
    outcome = invoke(crashing, event)
    error = {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {outcome.request_id} Error: {message}",
    }
    assert (outcome.failed, answer(outcome)) == (True, error)
    assert f"RequestId: {outcome.request_id} Error: {message}\nRuntime.ExitError" in outcome.logs
    assert invoke(crashing, event).logs[0].startswith("INIT_START")


def test_a_response_may_be_six_megabytes(environment: Make) -> None:
    large = environment("app.large")
    assert len(answer(invoke(large, 6_000_000))) == 6_000_000
    error = answer(invoke(large, 6_291_556))
    assert error["errorType"] == "Function.ResponseSizeTooLarge"
    assert (
        error["errorMessage"]
        == "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    )


def test_a_function_sees_its_own_environment_and_not_the_hosts(
    environment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "the-hosts")
    variables = {"AWS_REGION": "eu-west-1", "TABLE": "orders", "SSL_CERT_FILE": "/mine.pem"}
    seen = answer(invoke(environment("app.environment", variables=variables)))
    assert {name: seen[name] for name in variables} == variables
    assert "AWS_PROFILE" not in seen
    assert (seen["_HANDLER"], seen["TZ"]) == ("app.environment", ":UTC")
    assert re.match(r"20\d\d/\d\d/\d\d/\[\$LATEST\]", seen["AWS_LAMBDA_LOG_STREAM_NAME"])
    assert Path(seen["LAMBDA_TASK_ROOT"], "app.py").exists()


def test_the_authority_is_there_alone_and_among_the_systems(environment: Make, authority: bytes) -> None:
    seen = answer(invoke(environment("app.environment")))
    assert Path(seen["MEMORYDB_CA_FILE"]).read_bytes() == authority
    assert Path(seen["SSL_CERT_FILE"]).read_bytes().endswith(authority)


def test_a_warm_environment_starts_anew_when_the_authority_is_replaced(code: Path) -> None:
    authorities = [b"first"]
    runner = Runner(lambda: authorities[-1])
    warm = runner.environment(function(code, "app.counting"))
    assert [answer(invoke(warm)) for _ in range(2)] == [1, 2]
    authorities.append(b"second")
    assert [answer(invoke(warm)) for _ in range(2)] == [1, 2]
    seen = answer(invoke(runner.environment(function(code, "app.environment"))))
    assert Path(seen["MEMORYDB_CA_FILE"]).read_bytes() == b"second"
    runner.close()


def test_a_function_finds_what_lambda_has_and_nothing_else_of_the_host(environment: Make) -> None:
    assert answer(invoke(environment("app.imports"), ["boto3", "botocore", "json", "redis", "pytest"])) == [
        "redis",
        "pytest",
    ]


def test_a_layer_brings_modules(environment: Make, runner: Runner) -> None:
    layer = runner.unpack(
        archive({"python/redis.py": "", "python/lib/python3.99/site-packages/deep.py": ""}), "layer"
    )
    assert answer(invoke(environment("app.imports", layers=(layer,)), ["redis", "deep"])) == []


def test_temporary_files_are_the_environments_and_go_with_it(environment: Make, runner: Runner) -> None:
    made = environment("app.writing")
    written = Path(answer(invoke(made)))
    assert written.exists()
    runner.discard(made)
    assert not written.exists()


def test_what_a_function_started_ends_with_it(environment: Make, runner: Runner) -> None:
    made = environment("app.child")
    pid = answer(invoke(made))
    assert is_running(pid)
    runner.discard(made)
    until(lambda: not is_running(pid))


HOST = """
import json, sys, time
from pathlib import Path
from localstack_memorydb.integrations.lambda_runtime import Function, Invocation, Runner
code = Path(sys.argv[1])
environment = Runner(lambda: b"").environment(Function("f", "1", sys.argv[2], "app.child", 9, 128, code))
outcome = environment.invoke(Invocation(b"0", "arn"))
print(json.dumps([json.loads(outcome.payload), environment._sandbox._process.pid, str(environment._directory.parents[1])]), flush=True)
time.sleep(600)
"""


def test_nothing_outlives_a_killed_host(code: Path) -> None:
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, str(code), PYTHON], stdout=subprocess.PIPE, text=True
    )
    assert host.stdout is not None
    with host.stdout as said:
        child, process, directory = json.loads(said.readline())
        assert is_running(child)
        assert Path(directory).exists()
        host.send_signal(signal.SIGKILL)
        host.wait()
    until(lambda: not is_running(child) and not is_running(process) and not Path(directory).exists())


def test_a_closed_runner_leaves_nothing(authority: bytes) -> None:
    runner = Runner(lambda: authority)
    code = runner.unpack(package(app_DOT_py=SOURCE), "one")
    pid = answer(invoke(runner.environment(function(code, "app.child"))))
    runner.close()
    until(lambda: not is_running(pid))
    assert not code.exists()


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        ("java21", "The runtime java21 needs Docker"),
        ("provided.al2023", "The runtime provided.al2023 needs Docker"),
        ("", "Functions from container images need Docker"),
    ],
)
def test_a_runtime_that_cannot_be_run_is_named(environment: Make, runtime: str, message: str) -> None:
    with pytest.raises(UnsupportedRuntime, match=message):
        environment("app.echo", runtime=runtime)


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside", "..\\outside", "C:\\outside"])
def test_an_archive_that_leaves_its_directory_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadArchive, match="Could not unzip uploaded file"):
        unzip(archive({"fine.py": "", name: "x"}), tmp_path / "target")
    assert list(tmp_path.rglob("*")) == []


def test_an_archive_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="Could not unzip uploaded file"):
        unzip(b"not a zip file", tmp_path)


def test_what_may_be_executed_may_be_executed(tmp_path: Path) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        entry = zipfile.ZipInfo("bin/tool")
        entry.external_attr = 0o100755 << 16
        made.writestr(entry, "#!/bin/sh\n")
    unzip(written.getvalue(), tmp_path)
    assert os.access(tmp_path / "bin" / "tool", os.X_OK)


@pytest.fixture
def pool(runner: Runner) -> Iterator[Pool]:
    made = Pool(runner)
    yield made
    made.forget(lambda key: True)


def call(pool: Pool, function: Function, event: Any = None, **more: Any) -> Outcome:
    return pool.invoke(function.name, function, Invocation(json.dumps(event).encode(), "arn"), **more)


def test_a_pool_uses_environments_again_until_the_function_changes(pool: Pool, code: Path) -> None:
    counting = function(code, "app.counting")
    assert [answer(call(pool, counting)) for _ in range(2)] == [1, 2]
    assert answer(call(pool, replace(counting, memory=256))) == 1
    assert answer(call(pool, counting)) == 1


def test_a_pool_refuses_more_than_the_limit_and_waits_for_the_patient(
    pool: Pool, code: Path, tmp_path: Path
) -> None:
    slow, event = (
        function(code, "app.waiting", timeout=PATIENCE),
        {"here": str(tmp_path / "here"), "until": str(tmp_path / "go")},
    )
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(call, pool, slow, event, limit=1)
        until((tmp_path / "here").exists)
        with pytest.raises(TooManyRequests):
            call(pool, slow, event, limit=1)
        patient = threads.submit(call, pool, slow, event, limit=1, patience=PATIENCE)
        assert not patient.done()
        (tmp_path / "go").touch()
        assert (first.result().failed, patient.result().failed) == (False, False)
    assert patient.result().log_stream == first.result().log_stream


def test_a_limit_of_nothing_is_refused_at_once(pool: Pool, code: Path) -> None:
    with pytest.raises(TooManyRequests):
        call(pool, function(code, "app.echo"), limit=0, patience=PATIENCE)


def test_invocations_at_once_have_environments_of_their_own(pool: Pool, code: Path, tmp_path: Path) -> None:
    slow = function(code, "app.waiting", timeout=PATIENCE)
    events = [{"here": str(tmp_path / f"here-{n}"), "until": str(tmp_path / "go")} for n in range(3)]
    with ThreadPoolExecutor(3) as threads:
        running = [threads.submit(call, pool, slow, event) for event in events]
        until(lambda: all(Path(event["here"]).exists() for event in events))
        (tmp_path / "go").touch()
        assert len({each.result().log_stream for each in running}) == 3


node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


@node
def test_a_node_handler_answers_and_logs(environment: Make) -> None:
    outcome = invoke(environment("index.echo", runtime="nodejs20.x"), {"order": 1})
    assert (outcome.failed, answer(outcome)) == (False, {"order": 1})
    logged = next(line for line in outcome.logs if "INFO" in line)
    assert re.fullmatch(rf"[\d-]+T[\d:.]+Z\t{outcome.request_id}\tINFO\ttwo\nlines", logged)


@node
@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("index.callback", True),
        ("index.nothing", None),
        ("index.returned", None),
        ("index.succeeding", "by the context"),
        ("index.unheld", "too late"),
        ("esm/index.handler", {"from": "esm", "event": 7}),
    ],
)
def test_node_handlers_of_every_form(environment: Make, handler: str, expected: Any) -> None:
    warm = environment(handler, runtime="nodejs22.x")
    assert [answer(invoke(warm, 7)) for _ in range(2)] == [expected] * 2


@node
@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("index.failing", "TypeError", "no such order"),
        ("nowhere.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'nowhere'"),
        ("index.missing", "Runtime.HandlerNotFound", "index.missing is undefined or not exported"),
        ("index.forgotten", "Runtime.UnhandledPromiseRejection", "Error: lost"),
        ("index.refusing", "string", "refused"),
        (
            "index.unsettled",
            "Runtime.NodeJsExit",
            "The Lambda runtime client detected an unexpected Node.js exit code.",
        ),
    ],
)
def test_errors_of_node_functions(environment: Make, handler: str, kind: str, message: str) -> None:
    outcome = invoke(environment(handler, runtime="nodejs20.x"))
    error = answer(outcome)
    assert (outcome.failed, error["errorType"]) == (True, kind)
    assert error["errorMessage"].startswith(message)
    assert "bootstrap.cjs" not in json.dumps(error)


@node
def test_what_is_left_open_holds_up_a_callback_as_on_aws(environment: Make) -> None:
    outcome = invoke(environment("index.held", runtime="nodejs20.x", timeout=1))
    assert answer(outcome)["errorType"] == "Sandbox.Timedout"


def test_closing_ends_an_invocation_that_runs(runner: Runner, code: Path, tmp_path: Path) -> None:
    made = runner.environment(function(code, "app.waiting", timeout=PATIENCE))
    event = {"here": str(tmp_path / "here"), "until": str(tmp_path / "never")}
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(invoke, made, event)
        until((tmp_path / "here").exists)
        closing = threading.Thread(target=runner.discard, args=(made,))
        closing.start()
        assert running.result(PATIENCE).failed
        closing.join(PATIENCE)
