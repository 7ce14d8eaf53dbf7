"""LocalStack's wrapper of Terraform: a configuration that names no endpoint."""

from __future__ import annotations

from tests.clients.test_api_clients import BIN, require
from tests.hosts.endpoint import Endpoint
from tests.hosts.test_documents import blocks

from .workspace import Workspace


def test_the_pages_configuration(workspace: Workspace, endpoint: Endpoint) -> None:
    program = require(BIN / "tflocal")
    (configuration,) = blocks("docs/running.md", "hcl")
    (workspace.directory / "main.tf").write_text(configuration)

    def tflocal(*arguments: str) -> str:
        return workspace.terraform(*arguments, program=program, more={"AWS_ENDPOINT_URL": endpoint.url})

    tflocal("apply", "-auto-approve", "-input=false", "-no-color")
    tflocal("plan", "-detailed-exitcode", "-input=false", "-no-color")
    (cluster,) = endpoint.client("memorydb").describe_clusters(ClusterName="shop")["Clusters"]
    assert cluster["NumberOfShards"] == 2
    assert tflocal("output", "-raw", "address").startswith(cluster["ClusterEndpoint"]["Address"])
    assert [file.name for file in workspace.directory.glob("localstack_providers*")] == []
