"""The AWS::MemoryDB types of CloudFormation: what each property means to the API. Hosts bring the engine that deploys.

A resource is made, changed and deleted in steps, each one call of the API; the next one follows when the resource is ready.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_MemoryDB.html
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

Properties: TypeAlias = Mapping[str, Any]
Step: TypeAlias = tuple[str, dict[str, Any]]
"""An operation of the API and its parameters."""

_LOG = logging.getLogger(__name__)
_PARAMETERS_PER_CALL: Final = 20
_POLL_SECONDS: Final = 0.02
_LONGEST_WAIT_SECONDS: Final = 900.0
_LEFT_OVER_SECONDS: Final = 120.0
_IN_USE: Final = {
    "InvalidACLStateFault",
    "InvalidMultiRegionClusterStateFault",
    "InvalidParameterGroupStateFault",
    "SubnetGroupInUseFault",
}


class Refused(Exception):
    """The API refused a call, or a resource came to no good end. `code` is the API's, or a word of CloudFormation."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message


class Invoke(Protocol):
    """Calls an operation of MemoryDB for the account and Region of the stack. Raises Refused."""

    def __call__(self, operation: str, params: Mapping[str, Any], /) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A type: its properties, and how the API makes, changes, describes and deletes a resource of it.

    `name` is the property that names the resource in the API, `identifier` the one that Ref gives. `members` are properties that
    the Create operation takes under the same name; `attributes` say where Fn::GetAtt finds what in the description.
    """

    kind: str
    name: str
    members: tuple[str, ...]
    required: tuple[str, ...]
    create_only: tuple[str, ...]
    describes: tuple[str, str]
    attributes: Mapping[str, tuple[str, ...]]
    missing: str
    change: Callable[[str, Properties, Properties], list[Step]]
    identifier: str = ""
    write_only: tuple[str, ...] = ()
    integers: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    ready: str | None = "available"
    then: Callable[[Properties], list[Step]] = field(default=lambda _: [])
    delete: Callable[[Properties], dict[str, Any]] = field(default=lambda _: {})

    @property
    def type_name(self) -> str:
        """As templates have it."""
        return f"AWS::MemoryDB::{self.kind}"

    @property
    def properties(self) -> frozenset[str]:
        """Everything that a template may say."""
        return frozenset({*self.members, *self.others, "Tags"})

    @property
    def schema(self) -> dict[str, Any]:
        """The type's schema in CloudFormation's words, as far as engines look at it."""

        def pointers(names: Sequence[str]) -> list[str]:
            return [f"/properties/{name.replace('.', '/')}" for name in names]

        kinds = dict.fromkeys(self.integers, "integer") | dict.fromkeys(self.booleans, "boolean")
        names = [*sorted(self.properties), *(name.partition(".")[0] for name in self.attributes)]
        return {
            "typeName": self.type_name,
            "properties": {name: {"type": kinds.get(name, "string")} for name in names},
            "required": list(self.required),
            # Of these an engine replaces a resource by itself. The others cannot change under one name, and an engine
            # that tried would find the name taken: `Deployment.update` refuses them.
            "createOnlyProperties": pointers([self.naming]),
            "readOnlyProperties": pointers(list(self.attributes)),
            "writeOnlyProperties": pointers(self.write_only),
            "primaryIdentifier": pointers([self.identifier or self.name]),
        }

    # -- from a template to calls -------------------------------------------------------------------------------------

    def validated(self, given: Properties) -> dict[str, Any]:
        """The properties with numbers and truths in their own types. Raises Refused."""
        problems = [f"#: required key [{name}] not found" for name in self.required if name not in given]
        problems += [
            f"#: extraneous key [{name}] is not permitted"
            for name in given
            if name not in self.properties and name not in self.attributes
        ]
        if problems:
            raise Refused("InvalidRequest", f"Model validation failed ({', '.join(problems)})")
        return {
            name: self._typed(name, value)
            for name, value in given.items()
            if name in self.properties and value is not None
        }

    def _typed(self, name: str, value: Any) -> Any:
        if name in self.integers:
            return _integer(name, value)
        if name in self.booleans:
            return _boolean(name, value)
        return _text(value) if name in {*self.members, "Tags"} else value

    def create_steps(self, properties: Properties) -> list[Step]:
        """How a resource comes to be."""
        params = {name: properties[name] for name in self.members if name in properties}
        if properties.get("Tags"):
            params["Tags"] = list(properties["Tags"])
        return [(f"Create{self.kind}", params), *self.then(properties)]

    def update_steps(self, arn: str, before: Properties, after: Properties) -> list[Step]:
        """How a resource changes; none for properties that were not changed."""
        return [*self.change(str(after.get(self.name, "")), before, after), *_tag_steps(arn, before, after)]

    def delete_step(self, name: str, properties: Properties) -> Step:
        """How a resource goes."""
        return f"Delete{self.kind}", {_request_name(self): name, **self.delete(properties)}

    @property
    def naming(self) -> str:
        """The property by which a template chooses the name."""
        return "MultiRegionClusterNameSuffix" if self.kind == "MultiRegionCluster" else self.name

    def is_renamed(self, before: Properties, after: Properties) -> bool:
        """Whether the change asks for a resource of another name. The API does not tell cases of a name apart."""
        return str(before.get(self.naming, "")).lower() != str(after.get(self.naming, "")).lower()

    def require_no_replacement(self, before: Properties, after: Properties) -> None:
        """Raises Refused, in CloudFormation's words, for a change that needs a new resource of the same name."""
        if any(before.get(name) != after.get(name) for name in self.create_only if name != self.naming):
            raise Refused(
                "NotUpdatable",
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {after.get(self.naming)} and update the stack again.",
            )

    # -- from descriptions to attributes ------------------------------------------------------------------------------

    def describe(self, invoke: Invoke, name: str) -> Mapping[str, Any] | None:
        """The API's description of the resource; None when there is none."""
        operation, member = self.describes
        try:
            found: Sequence[Mapping[str, Any]] = invoke(operation, {_request_name(self): name})[member]
        except Refused as refusal:
            if refusal.code == self.missing:
                return None
            raise
        return found[0] if found else None

    def name_of(self, description: Mapping[str, Any]) -> str:
        """The resource's name in a description of it."""
        # A member of a multi-Region cluster has both.
        return str(description["MultiRegionClusterName" if self.kind == "MultiRegionCluster" else "Name"])

    def is_ready(self, description: Mapping[str, Any]) -> bool:
        """Whether the resource is at rest. Raises Refused when it never will be."""
        status = description.get("Status")
        if isinstance(status, str) and status.endswith("failed"):
            raise Refused("NotStabilized", f"Resource of type '{self.type_name}' is in state {status}")
        return self.ready is None or status == self.ready

    def attributes_of(self, description: Mapping[str, Any]) -> dict[str, Any]:
        """What Fn::GetAtt gives, by the attributes' names."""
        found: dict[str, Any] = {}
        for attribute, path in self.attributes.items():
            value: Any = description
            for part in path:
                value = value.get(part) if isinstance(value, Mapping) else None
            found[attribute] = value
        return found


def _mistyped(name: str, expected: str, value: Any) -> Refused:
    kinds: dict[type, str] = {
        str: "String",
        bool: "Boolean",
        int: "Integer",
        float: "Double",
        list: "JSONArray",
    }
    found = kinds.get(type(value), "JSONObject")
    return Refused(
        "InvalidRequest", f"Model validation failed (#/{name}: expected type: {expected}, found: {found})"
    )


def _integer(name: str, value: Any) -> int:
    try:
        number = float(value)
        if not isinstance(value, bool) and number.is_integer():
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise _mistyped(name, "Integer", value)


def _boolean(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise _mistyped(name, "Boolean", value)


def _text(value: Any) -> Any:
    """Numbers and truths as the text that the API wants: templates often say `EngineVersion: 7.1` without quotes."""
    if isinstance(value, list):
        return [_text(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _text(each) for key, each in value.items()}
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _request_name(kind: ResourceType) -> str:
    """The member of Describe and Delete requests that names the resource."""
    return "MultiRegionClusterName" if kind.kind == "MultiRegionCluster" else kind.name


def _tag_steps(arn: str, before: Properties, after: Properties) -> list[Step]:
    old = {tag["Key"]: tag["Value"] for tag in before.get("Tags") or ()}
    new = {tag["Key"]: tag["Value"] for tag in after.get("Tags") or ()}
    steps: list[Step] = []
    if gone := sorted(old.keys() - new.keys()):
        steps.append(("UntagResource", {"ResourceArn": arn, "TagKeys": gone}))
    if changed := {key: value for key, value in new.items() if old.get(key) != value}:
        tags = [{"Key": key, "Value": value} for key, value in changed.items()]
        steps.append(("TagResource", {"ResourceArn": arn, "Tags": tags}))
    return steps


def _changed(before: Properties, after: Properties, names: Sequence[str]) -> dict[str, Any]:
    return {name: after[name] for name in names if name in after and after[name] != before.get(name)}


# -- the types --------------------------------------------------------------------------------------------------------

_CLUSTER_MEMBERS: Final = tuple(
    "ACLName AutoMinorVersionUpgrade ClusterName DataTiering Description Engine EngineVersion IpDiscovery KmsKeyId "
    "MaintenanceWindow MultiRegionClusterName NetworkType NodeType NumReplicasPerShard NumShards ParameterGroupName Port "
    "SecurityGroupIds SnapshotArns SnapshotName SnapshotRetentionLimit SnapshotWindow SnsTopicArn SubnetGroupName "
    "TLSEnabled".split()
)
_RENEWING: Final = ("NodeType", "Engine", "EngineVersion", "ParameterGroupName")
_PLAIN: Final = tuple(
    "ACLName Description IpDiscovery MaintenanceWindow SecurityGroupIds SnapshotRetentionLimit SnapshotWindow SnsTopicArn "
    "SnsTopicStatus".split()
)


def _change_cluster(name: str, before: Properties, after: Properties) -> list[Step]:
    """Each change that UpdateCluster takes alone is a step of its own; the resource is available between them."""
    requests: list[dict[str, Any]] = [
        _changed(before, after, _PLAIN),
        _changed(before, after, _RENEWING),
    ]
    if _changed(before, after, ("NumReplicasPerShard",)):
        requests.append({"ReplicaConfiguration": {"ReplicaCount": after["NumReplicasPerShard"]}})
    if _changed(before, after, ("NumShards",)):
        requests.append({"ShardConfiguration": {"ShardCount": after["NumShards"]}})
    return [("UpdateCluster", {"ClusterName": name, **request}) for request in requests if request]


def _after_cluster(properties: Properties) -> list[Step]:
    """CreateCluster knows no status of the topic."""
    if "SnsTopicStatus" not in properties:
        return []
    request = {"ClusterName": properties["ClusterName"], "SnsTopicStatus": properties["SnsTopicStatus"]}
    return [("UpdateCluster", request)]


def _delete_cluster(properties: Properties) -> dict[str, Any]:
    return {
        name: properties[name]
        for name in ("FinalSnapshotName", "MultiRegionClusterName")
        if name in properties
    }


def _change_multi_region_cluster(name: str, before: Properties, after: Properties) -> list[Step]:
    """As for a cluster: shards and node type are changed one after the other."""
    requests: list[dict[str, Any]] = [_changed(before, after, ("Description", "NodeType", "EngineVersion"))]
    if _changed(before, after, ("NumShards",)):
        requests.append({"ShardConfiguration": {"ShardCount": after["NumShards"]}})
    common = {"MultiRegionClusterName": name}
    if "UpdateStrategy" in after:
        common["UpdateStrategy"] = str(after["UpdateStrategy"]).lower()
    return [("UpdateMultiRegionCluster", {**common, **request}) for request in requests if request]


def _change_acl(name: str, before: Properties, after: Properties) -> list[Step]:
    old, new = before.get("UserNames") or [], after.get("UserNames") or []
    request = {
        "UserNamesToAdd": [each for each in new if each not in old],
        "UserNamesToRemove": [each for each in old if each not in new],
    }
    request = {member: names for member, names in request.items() if names}
    return [("UpdateACL", {"ACLName": name, **request})] if request else []


def _change_user(name: str, before: Properties, after: Properties) -> list[Step]:
    request = _changed(before, after, ("AccessString", "AuthenticationMode"))
    return [("UpdateUser", {"UserName": name, **request})] if request else []


def _change_subnet_group(name: str, before: Properties, after: Properties) -> list[Step]:
    request = _changed(before, after, ("Description", "SubnetIds"))
    return [("UpdateSubnetGroup", {"SubnetGroupName": name, **request})] if request else []


def _values(properties: Properties) -> dict[str, str]:
    """A parameter group's values, which a template may also hold as JSON text."""
    found = properties.get("Parameters") or {}
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            raise _mistyped("Parameters", "JSONObject", found) from None
    if not isinstance(found, Mapping):
        raise _mistyped("Parameters", "JSONObject", found)
    return {str(name): str(_text(value)) for name, value in found.items()}


def _set_values(name: str, values: Mapping[str, str]) -> list[Step]:
    pairs = [{"ParameterName": key, "ParameterValue": value} for key, value in values.items()]
    chunks = [pairs[at : at + _PARAMETERS_PER_CALL] for at in range(0, len(pairs), _PARAMETERS_PER_CALL)]
    return [
        ("UpdateParameterGroup", {"ParameterGroupName": name, "ParameterNameValues": chunk})
        for chunk in chunks
    ]


def _change_parameter_group(name: str, before: Properties, after: Properties) -> list[Step]:
    old, new = _values(before), _values(after)
    steps = _set_values(name, {key: value for key, value in new.items() if old.get(key) != value})
    if gone := sorted(old.keys() - new.keys()):
        steps.append(("ResetParameterGroup", {"ParameterGroupName": name, "ParameterNames": gone}))
    return steps


TYPES: Final = {
    each.type_name: each
    for each in (
        ResourceType(
            kind="ACL",
            name="ACLName",
            members=("ACLName", "UserNames"),
            required=("ACLName",),
            create_only=("ACLName",),
            describes=("DescribeACLs", "ACLs"),
            attributes={"Arn": ("ARN",), "Status": ("Status",)},
            missing="ACLNotFoundFault",
            change=_change_acl,
            ready="active",
        ),
        ResourceType(
            kind="Cluster",
            name="ClusterName",
            members=_CLUSTER_MEMBERS,
            others=("FinalSnapshotName", "SnsTopicStatus"),
            required=("ClusterName", "NodeType", "ACLName"),
            create_only=tuple(
                "ClusterName TLSEnabled DataTiering KmsKeyId Port SubnetGroupName SnapshotArns "
                "MultiRegionClusterName SnapshotName NetworkType".split()
            ),
            write_only=("SnapshotArns", "SnapshotName", "MultiRegionClusterName", "FinalSnapshotName"),
            integers=("NumReplicasPerShard", "NumShards", "Port", "SnapshotRetentionLimit"),
            booleans=("AutoMinorVersionUpgrade", "DataTiering", "TLSEnabled"),
            describes=("DescribeClusters", "Clusters"),
            attributes={
                "ARN": ("ARN",),
                "Status": ("Status",),
                "ParameterGroupStatus": ("ParameterGroupStatus",),
                "ClusterEndpoint.Address": ("ClusterEndpoint", "Address"),
                "ClusterEndpoint.Port": ("ClusterEndpoint", "Port"),
            },
            missing="ClusterNotFoundFault",
            change=_change_cluster,
            then=_after_cluster,
            delete=_delete_cluster,
        ),
        ResourceType(
            kind="MultiRegionCluster",
            name="MultiRegionClusterName",
            members=tuple(
                "Description Engine EngineVersion MultiRegionClusterNameSuffix MultiRegionParameterGroupName NodeType "
                "NumShards TLSEnabled".split()
            ),
            others=("UpdateStrategy",),
            required=("NodeType",),
            create_only=(
                "MultiRegionClusterNameSuffix",
                "EngineVersion",
                "MultiRegionParameterGroupName",
                "TLSEnabled",
            ),
            write_only=("MultiRegionClusterNameSuffix", "UpdateStrategy"),
            integers=("NumShards",),
            booleans=("TLSEnabled",),
            describes=("DescribeMultiRegionClusters", "MultiRegionClusters"),
            attributes={
                "MultiRegionClusterName": ("MultiRegionClusterName",),
                "Status": ("Status",),
                "ARN": ("ARN",),
            },
            missing="MultiRegionClusterNotFoundFault",
            change=_change_multi_region_cluster,
        ),
        ResourceType(
            kind="ParameterGroup",
            name="ParameterGroupName",
            members=("ParameterGroupName", "Family", "Description"),
            others=("Parameters",),
            required=("ParameterGroupName", "Family"),
            create_only=("ParameterGroupName", "Family", "Description"),
            write_only=("Parameters",),
            describes=("DescribeParameterGroups", "ParameterGroups"),
            attributes={"ARN": ("ARN",)},
            missing="ParameterGroupNotFoundFault",
            change=_change_parameter_group,
            then=lambda properties: _set_values(properties["ParameterGroupName"], _values(properties)),
            ready=None,
        ),
        ResourceType(
            kind="Snapshot",
            name="SnapshotName",
            identifier="Arn",
            members=("SnapshotName", "ClusterName", "KmsKeyId"),
            required=("SnapshotName", "ClusterName"),
            create_only=("SnapshotName", "ClusterName", "KmsKeyId"),
            describes=("DescribeSnapshots", "Snapshots"),
            attributes={
                "Arn": ("ARN",),
                "Status": ("Status",),
                "Source": ("Source",),
                "DataTiering": ("DataTiering",),
                "ClusterConfiguration": ("ClusterConfiguration",),
            },
            missing="SnapshotNotFoundFault",
            change=lambda *_: [],
        ),
        ResourceType(
            kind="SubnetGroup",
            name="SubnetGroupName",
            members=("SubnetGroupName", "SubnetIds", "Description"),
            required=("SubnetGroupName", "SubnetIds"),
            create_only=("SubnetGroupName",),
            describes=("DescribeSubnetGroups", "SubnetGroups"),
            attributes={"ARN": ("ARN",), "SupportedNetworkTypes": ("SupportedNetworkTypes",)},
            missing="SubnetGroupNotFoundFault",
            change=_change_subnet_group,
            ready=None,
        ),
        ResourceType(
            kind="User",
            name="UserName",
            members=("UserName", "AccessString", "AuthenticationMode"),
            required=("UserName",),
            create_only=("UserName",),
            write_only=("AccessString", "AuthenticationMode"),
            describes=("DescribeUsers", "Users"),
            attributes={"Arn": ("ARN",), "Status": ("Status",)},
            missing="UserNotFoundFault",
            change=_change_user,
            ready="active",
        ),
    )
}


# -- running steps to their end, for engines that cannot come back later -----------------------------------------------


class Deployment:
    """A resource of a stack. Each method returns when the resource is at rest, or raises Refused.

    That takes `patience` seconds at most.
    """

    def __init__(
        self, kind: ResourceType, invoke: Invoke, name: str = "", *, patience: float = _LONGEST_WAIT_SECONDS
    ) -> None:
        self.kind = kind
        self.name = name
        self._invoke = invoke
        self._patience = patience

    def create(self, given: Properties) -> None:
        """Makes the resource; the API says its name, which is empty as long as nothing is made."""
        properties = self.kind.validated(given)
        for step in self.kind.create_steps(properties):
            self.name = self.run(step) or self.name

    def update(self, before: Properties, after: Properties) -> Deployment | None:
        """Changes what differs. A resource of another name takes this one's place; returned is the old one, to delete."""
        old, new = self.kind.validated(before), self.kind.validated(after)
        if self.kind.is_renamed(old, new):
            return self._replace(new)
        self.kind.require_no_replacement(old, new)
        new[self.kind.name] = self.name
        for step in self.kind.update_steps(str(self.description()["ARN"]), old, new):
            self.run(step)
        return None

    def _replace(self, properties: Properties) -> Deployment:
        made = Deployment(self.kind, self._invoke, patience=self._patience)
        try:
            made.create(properties)
        except Refused:
            if made.name:
                made.discard(properties)
            raise
        former = Deployment(self.kind, self._invoke, self.name, patience=self._patience)
        self.name = made.name
        return former

    def delete(self, given: Properties) -> None:
        """Deletes the resource; nothing happens when it is gone."""
        if self.kind.describe(self._invoke, self.name) is None:
            return
        self._invoke(*self.kind.delete_step(self.name, given))
        self._wait_until(lambda: self.kind.describe(self._invoke, self.name) is None)

    def discard(self, given: Properties) -> None:
        """Deletes a resource that was made in vain: no snapshot is taken."""
        self.delete({name: value for name, value in given.items() if name != "FinalSnapshotName"})

    def run(self, step: Step) -> str:
        """One step, to its end; the resource's name if the answer has it."""
        try:
            answer = self._invoke(*step)
        except Refused as refusal:
            if refusal.code == "NoOperationFault":  # an update that failed half-way had made this change
                return self.name
            raise
        self.name = name = name_in(self.kind, step, answer) or self.name
        self._wait_until(lambda: self.kind.is_ready(self.description()))
        return name

    def _wait_until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self._patience
        while not done():
            if time.monotonic() > deadline:
                raise Refused(
                    "NotStabilized",
                    f"Resource of type '{self.kind.type_name}' did not stabilize: {self.name}",
                )
            threading.Event().wait(_POLL_SECONDS)

    def description(self) -> Mapping[str, Any]:
        """What the API says of the resource. Raises Refused when it is gone."""
        found = self.kind.describe(self._invoke, self.name)
        if found is None:
            raise Refused("NotFound", f"Resource of type '{self.kind.type_name}' was not found.")
        return found

    def all(self) -> list[Mapping[str, Any]]:
        """What the API says of every resource of the type."""
        operation, member = self.kind.describes
        return [each for page in _pages(self._invoke, operation) for each in page[member]]

    def clusters(self) -> set[str]:
        """The names of the clusters that use the resource, which keep it from being deleted."""
        pages = _pages(self._invoke, "DescribeClusters")
        return {
            str(cluster["Name"])
            for page in pages
            for cluster in page["Clusters"]
            if cluster.get(self.kind.name) == self.name
        }


def is_in_use(refusal: Refused) -> bool:
    """Whether a deletion was refused because something uses the resource."""
    return refusal.code in _IN_USE


def _pages(invoke: Invoke, operation: str) -> Iterator[Mapping[str, Any]]:
    params: dict[str, Any] = {}
    while True:
        page = invoke(operation, params)
        yield page
        if not page.get("NextToken"):
            return
        params = {"NextToken": page["NextToken"]}


class Leftovers:
    """Resources that an engine wants deleted while others still use them: tried again whenever something has changed, for
    two minutes.

    AWS deletes in the order of what refers to what; other engines have orders of their own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, float, Deployment, Properties]] = []

    def delete(self, stack: str, deployment: Deployment, properties: Properties) -> None:
        """Delete the resource now, or when it is used no longer. Raises Refused for any other reason."""
        self._delete(stack, time.monotonic() + _LEFT_OVER_SECONDS, deployment, properties)

    def _delete(self, stack: str, until: float, deployment: Deployment, properties: Properties) -> None:
        try:
            deployment.delete(properties)
        except Refused as refusal:
            if not is_in_use(refusal) or time.monotonic() > until:
                raise
            with self._lock:
                self._waiting.append((stack, until, deployment, properties))

    def retry(self, stack: str) -> None:
        """Something of the stack has changed or gone."""
        with self._lock:
            due = [each for each in self._waiting if each[0] == stack]
            self._waiting = [each for each in self._waiting if each[0] != stack]
        for each in due:
            try:
                self._delete(*each)
            except Refused as refusal:
                _LOG.warning("%s could not be deleted: %s", each[2].name, refusal)


def name_in(kind: ResourceType, step: Step, answer: Mapping[str, Any]) -> str:
    """The name of the resource that a Create step made, as the API has it; empty for other steps."""
    if not step[0].startswith("Create"):
        return ""
    return kind.name_of(answer[kind.kind])
