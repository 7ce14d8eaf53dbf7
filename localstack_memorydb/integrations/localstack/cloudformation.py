"""The AWS::MemoryDB types as LocalStack's CloudFormation wants them: an entry point and a resource provider for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)

from localstack_memorydb.integrations.cloudformation import TYPES, Deployment, Invoke, Refused, ResourceType


def _invoke(request: ResourceRequest) -> Invoke:
    from localstack.utils.aws.arns import get_partition

    from localstack_memorydb.integrations.localstack import host
    from localstack_memorydb.provider import Fault

    def invoke(operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        region = request.region_name
        try:
            return host.emulator().invoke(
                operation, params, account=request.account_id, region=region, partition=get_partition(region)
            )
        except Fault as fault:
            raise Refused(fault.code, fault.message) from None

    return invoke


class MemoryDBResource(ResourceProvider):
    """Deploys resources of one type. The engine keeps what is returned as the resource's model."""

    kind: ResourceType

    def create(self, request: ResourceRequest) -> ProgressEvent:
        given = self._own(request.desired_state)
        if self.kind.kind == "MultiRegionCluster":
            given.setdefault("MultiRegionClusterNameSuffix", request.logical_resource_id.lower())
        deployment = Deployment(self.kind, _invoke(request))
        return self._event(deployment, given, lambda: deployment.create(given))

    def update(self, request: ResourceRequest) -> ProgressEvent:
        before, after = request.previous_state or {}, self._own(request.desired_state)
        deployment = Deployment(self.kind, _invoke(request), str(before.get(self.kind.name, "")))
        return self._event(deployment, after, lambda: deployment.update(self._own(before), after))

    def delete(self, request: ResourceRequest) -> ProgressEvent:
        given = request.desired_state
        deployment = Deployment(self.kind, _invoke(request), str(given.get(self.kind.name, "")))
        try:
            deployment.delete(self._own(given))
        except Refused as refusal:
            return _failed(given, refusal)
        return ProgressEvent(OperationStatus.SUCCESS, resource_model={})

    def read(self, request: ResourceRequest) -> ProgressEvent:
        given = request.desired_state
        deployment = Deployment(self.kind, _invoke(request), str(given.get(self.kind.name, "")))
        return self._event(deployment, given, lambda: None)

    def _own(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """What the template says of a resource, without the attributes that the model has too."""
        attributes = {name.partition(".")[0] for name in self.kind.attributes}
        return {name: value for name, value in state.items() if name not in attributes}

    def _event(self, deployment: Deployment, properties: Mapping[str, Any], work: Any) -> ProgressEvent:
        try:
            work()
            found = self.kind.attributes_of(deployment.description())
        except Refused as refusal:
            return _failed(properties, refusal)
        model: dict[str, Any] = {**properties, self.kind.name: deployment.name}
        for attribute, value in found.items():
            name, dot, inner = attribute.partition(".")
            if dot:  # LocalStack's engine takes strings only
                model.setdefault(name, {})[inner] = str(value)
            else:
                model[name] = value
        return ProgressEvent(OperationStatus.SUCCESS, resource_model=model)


def _failed(properties: Mapping[str, Any], refusal: Refused) -> ProgressEvent:
    return ProgressEvent(
        OperationStatus.FAILED,
        resource_model=dict(properties),
        message=str(refusal),
        error_code=refusal.code,
    )


def _plugin(kind: ResourceType) -> type[CloudFormationResourceProviderPlugin]:
    provider = type(
        f"{kind.kind}Provider",
        (MemoryDBResource,),
        {"TYPE": kind.type_name, "SCHEMA": kind.schema, "kind": kind},
    )

    class Plugin(CloudFormationResourceProviderPlugin):
        name = kind.type_name

        def __init__(self) -> None:
            self.factory: Any = None

        def load(self) -> None:
            self.factory = provider

    return Plugin


ACL = _plugin(TYPES["AWS::MemoryDB::ACL"])
Cluster = _plugin(TYPES["AWS::MemoryDB::Cluster"])
MultiRegionCluster = _plugin(TYPES["AWS::MemoryDB::MultiRegionCluster"])
ParameterGroup = _plugin(TYPES["AWS::MemoryDB::ParameterGroup"])
Snapshot = _plugin(TYPES["AWS::MemoryDB::Snapshot"])
SubnetGroup = _plugin(TYPES["AWS::MemoryDB::SubnetGroup"])
User = _plugin(TYPES["AWS::MemoryDB::User"])
