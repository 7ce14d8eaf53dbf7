"""Terraform as a user runs it, with one provider process kept for the whole run: starting it takes longer than any test."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROVIDER_VERSION = "5.100.0"
SERVICES = ("memorydb", "ec2", "kms", "sns", "s3", "sts", "iam")
_REATTACH = re.compile(r"TF_REATTACH_PROVIDERS='(.*)'")
_START_SECONDS = 300
# A deadline, not an expectation: on a busy machine a plan of four seconds takes minutes.
_COMMAND_SECONDS = 900

HEAD = """
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "%s"
    }
  }
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  s3_use_path_style           = true
  endpoints {
%s
  }
}
"""


def find_provider() -> Path | None:
    """The provider's program in a mirror: TF_PLUGIN_DIR, or where machines keep mirrors."""
    places = [
        os.environ.get("TF_PLUGIN_DIR", ""),
        "/opt",
        "/usr/local/share/terraform",
        "/usr/share/terraform",
    ]
    name = f"terraform-provider-aws_v{PROVIDER_VERSION}_x5"
    for place in filter(None, places):
        found = next(Path(place).glob(f"**/{name}"), None) if Path(place).is_dir() else None
        if found is not None:
            return found
    return None


def find_terraform() -> str | None:
    return shutil.which("terraform")


class Provider:
    """The provider's process."""

    def __init__(self, program: Path, directory: Path) -> None:
        self.mirror = program.parents[5]
        environment = {name: value for name, value in os.environ.items() if not re.match("AWS_|TF_", name)}
        self._process = subprocess.Popen(
            [str(program), "-debug"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=directory,
            env=environment,
        )
        self.reattach = ""
        self._announced = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._announced.wait(_START_SECONDS), "the provider did not start"

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                found = _REATTACH.search(line)
                if found:
                    self.reattach = found[1]
                    self._announced.set()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass
class Workspace:
    """A directory with a configuration and its state."""

    directory: Path
    url: str
    provider: Provider

    def write(self, configuration: str) -> None:
        """Replaces the configuration."""
        endpoints = "\n".join(f'    {service} = "{self.url}"' for service in SERVICES)
        (self.directory / "main.tf").write_text(HEAD % (PROVIDER_VERSION, endpoints) + configuration)

    def terraform(
        self,
        *arguments: str,
        fails: bool = False,
        program: str = "terraform",
        more: Mapping[str, str] | None = None,
    ) -> str:
        """Runs a command; its output."""
        environment = {name: value for name, value in os.environ.items() if not re.match("AWS_|TF_", name)}
        environment |= {
            "TF_REATTACH_PROVIDERS": self.provider.reattach,
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
            **(more or {}),
        }
        done = subprocess.run(
            [program, *arguments],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, said
        return said

    def init(self) -> None:
        self.terraform("init", "-input=false", "-no-color", f"-plugin-dir={self.provider.mirror}")

    def apply(self, configuration: str) -> dict[str, dict[str, Any]]:
        """Applies a configuration; the attributes of every resource by its address. Nothing is left to plan."""
        self.write(configuration)
        self.terraform("apply", "-auto-approve", "-input=false", "-no-color")
        self.terraform("plan", "-detailed-exitcode", "-input=false", "-no-color")
        return self.state()

    def plan(self, configuration: str) -> str:
        """What Terraform would do; it must not be nothing."""
        self.write(configuration)
        done = self.terraform("plan", "-input=false", "-no-color")
        assert "No changes." not in done
        return done

    def refused(self, configuration: str) -> str:
        """What Terraform says when the configuration cannot be applied."""
        self.write(configuration)
        return self.terraform("apply", "-auto-approve", "-input=false", "-no-color", fails=True)

    def destroy(self, *arguments: str) -> None:
        """Destroys what there is, or what arguments name."""
        self.terraform("destroy", "-auto-approve", "-input=false", "-no-color", *arguments)

    def state(self) -> dict[str, dict[str, Any]]:
        shown = json.loads(self.terraform("show", "-json"))
        resources = shown.get("values", {}).get("root_module", {}).get("resources", [])
        return {resource["address"]: resource["values"] for resource in resources}

    def import_again(self, address: str, identifier: str, ignored: tuple[str, ...] = ()) -> None:
        """Forgets a resource and imports it: every attribute must come back."""
        # After an update in place the provider keeps computed attributes, such as shards, until the next refresh.
        self.terraform("refresh", "-input=false", "-no-color")
        before = self.state()[address]
        self.terraform("state", "rm", address)
        self.terraform("import", "-input=false", "-no-color", address, identifier)
        after = self.state()[address]
        skipped = {"timeouts", "name_prefix", "apply_immediately", *ignored}
        differing = {
            name: (before.get(name), after.get(name))
            for name in before.keys() | after.keys()
            if name not in skipped and (before.get(name) or None) != (after.get(name) or None)
        }
        assert not differing, differing
