"""The AWS::MemoryDB types as LocalStack's CloudFormation wants them: an entry point and a resource provider for each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)

from localstack_memorydb.integrations.cloudformation import (
    TYPES,
    Deployment,
    Invoke,
    Leftovers,
    Refused,
    ResourceType,
    is_in_use,
)

Place: TypeAlias = tuple[str, str]
"""The identifier of a stack and a logical name in it."""


def _invoke(request: ResourceRequest) -> Invoke:
    from localstack.utils.aws.arns import get_partition

    from localstack_memorydb.integrations.localstack import host
    from localstack_memorydb.provider import Fault

    def invoke(operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        region = request.region_name
        try:
            return host.emulator().invoke(
                operation,
                params,
                account=request.account_id,
                region=region,
                user_agent="cloudformation.amazonaws.com",
                partition=get_partition(region),
            )
        except Fault as fault:
            raise Refused(fault.code, fault.message) from None

    return invoke


class Ledger:
    """What the stacks have made. LocalStack's engines ask to delete more than that, and in an order of their own.

    A place is a stack and a logical name in it; a name is the one that the template chose. Called from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[Place, dict[str, Mapping[str, Any]]] = {}
        self._refused: set[tuple[Place, str]] = set()
        self._spared: set[tuple[Place, str]] = set()
        self._clusters: dict[str, set[str]] = {}
        self.leftovers = Leftovers()

    def made(self, place: Place, kind: ResourceType, properties: Mapping[str, Any]) -> None:
        """The place has a resource with these properties now."""
        name = _chosen(kind, properties)
        with self._lock:
            self._refused.discard((place, name))
            self._made.setdefault(place, {})[name] = dict(properties)
            if kind.kind == "Cluster":
                self._clusters.setdefault(place[0], set()).add(name)

    def refused(self, place: Place, kind: ResourceType, properties: Mapping[str, Any]) -> None:
        """The place could not make the resource. If there is one of its name, it is somebody else's."""
        with self._lock:
            self._refused.add((place, _chosen(kind, properties)))

    def own(
        self, place: Place, kind: ResourceType, properties: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """What the place's resource of that name was made with; None when it has made none."""
        with self._lock:
            return self._made.get(place, {}).get(_chosen(kind, properties))

    def spare(self, place: Place, kind: ResourceType, properties: Mapping[str, Any]) -> None:
        """The engine takes a resource that stays for one that was replaced, and is going to delete it."""
        with self._lock:
            self._spared.add((place, _chosen(kind, properties)))

    def may_delete(self, place: Place, kind: ResourceType, properties: Mapping[str, Any]) -> bool:
        """Whether a deletion that the engine asks for is meant for the resource."""
        found = place, _chosen(kind, properties)
        with self._lock:
            if found in self._spared:
                self._spared.remove(found)
                return False
            return found not in self._refused

    def goes_with(self, place: Place, clusters: set[str]) -> bool:
        """Whether all these clusters are the stack's own, so that they may be about to go too."""
        with self._lock:
            return bool(clusters) and clusters <= self._clusters.get(place[0], set())

    def gone(self, place: Place, kind: ResourceType, properties: Mapping[str, Any]) -> None:
        """The resource is deleted, or will be."""
        name = _chosen(kind, properties)
        with self._lock:
            self._made.get(place, {}).pop(name, None)
            if kind.kind == "Cluster":
                self._clusters.get(place[0], set()).discard(name)
        self.leftovers.retry(place[0])


def _chosen(kind: ResourceType, properties: Mapping[str, Any]) -> str:
    return str(properties.get(kind.naming, "")).lower()


_LEDGER: Final = Ledger()


class MemoryDBResource(ResourceProvider):
    """Deploys resources of one type. The engine keeps what is returned as the resource's model."""

    kind: ResourceType

    def create(self, request: ResourceRequest) -> ProgressEvent:
        given, place = self._own(request, request.desired_state), _place(request)
        deployment = Deployment(self.kind, _invoke(request))
        own = _LEDGER.own(place, self.kind, given)
        if own is not None and (name := self._named(deployment, given)):
            # The name is written in another way, as in a reference to a parameter, and LocalStack takes it for another.
            _LEDGER.spare(place, self.kind, given)
            return self._update(request, own, given, name)
        event = self._event(deployment, given, {}, lambda: deployment.create(given))
        note = _LEDGER.made if deployment.name else _LEDGER.refused
        note(place, self.kind, given)
        return event

    def update(self, request: ResourceRequest) -> ProgressEvent:
        before = request.previous_state or {}
        given = self._own(request, request.desired_state)
        return self._update(request, before, given, str(before.get(self.kind.name, "")))

    def _update(
        self, request: ResourceRequest, before: Mapping[str, Any], given: Mapping[str, Any], name: str
    ) -> ProgressEvent:
        deployment, place = Deployment(self.kind, _invoke(request), name), _place(request)
        old = self._own(request, before)

        def work() -> None:
            former = deployment.update(old, given)
            _LEDGER.made(place, self.kind, given)
            if former is not None:
                _LEDGER.leftovers.delete(place[0], former, old)
                _LEDGER.gone(place, self.kind, old)

        event = self._event(deployment, given, before, work)
        _LEDGER.leftovers.retry(place[0])
        return event

    def delete(self, request: ResourceRequest) -> ProgressEvent:
        state, place = request.desired_state, _place(request)
        given = self._own(request, state)
        deployment = Deployment(self.kind, _invoke(request), str(state.get(self.kind.name) or ""))
        deployment.name = deployment.name or self._named(deployment, given)
        if deployment.name and _LEDGER.may_delete(place, self.kind, given):
            try:
                self._delete(place, deployment, given)
            except Refused as refusal:
                return _failed(state, refusal)
        return ProgressEvent(OperationStatus.SUCCESS, resource_model={})

    def _delete(self, place: Place, deployment: Deployment, given: Mapping[str, Any]) -> None:
        try:
            deployment.delete(given)
        except Refused as refusal:
            if not is_in_use(refusal) or not _LEDGER.goes_with(place, deployment.clusters()):
                raise
            _LEDGER.leftovers.delete(place[0], deployment, given)
        _LEDGER.gone(place, self.kind, given)

    def _named(self, deployment: Deployment, given: Mapping[str, Any]) -> str:
        """The name of the resource that there is for what a template chose; the API puts a prefix before a suffix."""
        chosen, ending = _chosen(self.kind, given), self.kind.naming != self.kind.name
        names = [self.kind.name_of(each) for each in deployment.all()]
        return next(
            (each for each in names if each == chosen or (ending and each.endswith(f"-{chosen}"))), ""
        )

    def read(self, request: ResourceRequest) -> ProgressEvent:
        given = request.desired_state
        deployment = Deployment(self.kind, _invoke(request), str(given.get(self.kind.name, "")))
        return self._event(deployment, given, given, lambda: None)

    def _own(self, request: ResourceRequest, state: Mapping[str, Any]) -> dict[str, Any]:
        """What the template says of a resource, without the attributes that the model has too."""
        attributes = {name.partition(".")[0] for name in self.kind.attributes}
        own = {name: value for name, value in state.items() if name not in attributes}
        if self.kind.kind == "MultiRegionCluster":
            own.setdefault(self.kind.naming, f"{request.stack_name}-{request.logical_resource_id}".lower())
        return own

    def _event(
        self,
        deployment: Deployment,
        properties: Mapping[str, Any],
        before: Mapping[str, Any],
        work: Callable[[], None],
    ) -> ProgressEvent:
        """What the engine is told: the new model, or the one from before when the API refused."""
        try:
            work()
            model = self._model(deployment.description(), properties, deployment.name)
        except Refused as refusal:
            return _failed(
                {**(before or properties), self.kind.name: deployment.name}
                if deployment.name
                else properties,
                refusal,
            )
        return ProgressEvent(OperationStatus.SUCCESS, resource_model=model)

    def _model(
        self, description: Mapping[str, Any], properties: Mapping[str, Any], name: str
    ) -> dict[str, Any]:
        model: dict[str, Any] = {**properties, self.kind.name: name}
        for attribute, value in self.kind.attributes_of(description).items():
            outer, dot, inner = attribute.partition(".")
            if dot:  # LocalStack's engine takes strings only
                model.setdefault(outer, {})[inner] = str(value)
            else:
                model[outer] = value
        return model


def _place(request: ResourceRequest) -> Place:
    return request.stack_id, request.logical_resource_id


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
