"""LocalStack's reset of its services' state, of which the community edition has the hooks and no command."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from .conftest import require
from .endpoint import environment, python_of

PROGRAM = """
import json

from localstack.services.plugins import SERVICE_PLUGINS

from localstack_memorydb.integrations.localstack import host

WHERE = {"account": "000000000000", "region": "us-east-1"}


def users():
    answer = host.emulator().invoke("DescribeUsers", {}, **WHERE)
    return sorted(user["Name"] for user in answer["Users"])


service = SERVICE_PLUGINS.get_service("memorydb")
mode = {"Type": "password", "Passwords": ["a-password-long-enough"]}
user = {"UserName": "app", "AccessString": "on ~* +@all", "AuthenticationMode": mode}
host.emulator().invoke("CreateUser", user, **WHERE)
before = users()
service.lifecycle_hook.on_before_state_reset()
print(json.dumps([before, users()]))
host.emulator().close()
"""


def test_it_empties_us(tmp_path: Path) -> None:
    settings = {
        "OVERRIDE_IN_DOCKER": "0",
        "FILESYSTEM_ROOT": str(tmp_path / "root"),
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
    }
    done = subprocess.run(
        [str(python_of(require("localstack"))), "-c", PROGRAM],
        env=environment(tmp_path, settings),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [["app", "default"], ["default"]]
