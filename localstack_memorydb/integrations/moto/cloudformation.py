"""The AWS::MemoryDB types as moto's CloudFormation wants them: a model class for each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import yaml
from moto.core.common_models import CloudFormationModel

from localstack_memorydb.integrations.cloudformation import (
    TYPES,
    Deployment,
    Invoke,
    Leftovers,
    Refused,
    ResourceType,
)
from localstack_memorydb.integrations.emulator import Emulator
from localstack_memorydb.integrations.moto import stacks

Result = TypeVar("Result")


def register(emulator: Emulator) -> None:
    """Let moto's CloudFormation know the types, deployed by this emulator from now on."""
    _Model.emulator = emulator
    # moto's own constructor splits at every dot, and Cluster.ClusterEndpoint.Address has two.
    yaml.add_constructor("!GetAtt", _get_att, Loader=yaml.Loader)
    if not _MODELS:
        stacks.take_over()
        _MODELS.extend(_model(kind) for kind in TYPES.values())
        parsing = sys.modules.get(
            "moto.cloudformation.parsing"
        )  # it is slow to import, and finds models when it is used
        if parsing is not None:
            for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
                cached.cache_clear()


def _get_att(loader: Any, node: Any) -> dict[str, Any]:
    """A resource and its attribute, whose name may have dots."""
    if isinstance(node, yaml.SequenceNode):
        return {"Fn::GetAtt": loader.construct_sequence(node)}
    return {"Fn::GetAtt": str(node.value).split(".", 1)}


def _invoke(emulator: Emulator, account: str, region: str) -> Invoke:
    from moto.utilities.utils import get_partition

    from localstack_memorydb.provider import Fault

    def invoke(operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return emulator.invoke(
                operation,
                params,
                account=account,
                region=region,
                user_agent="cloudformation.amazonaws.com",
                partition=str(get_partition(region)),
            )
        except Fault as fault:
            raise Refused(fault.code, fault.message) from None

    return invoke


class _Model:
    """A deployed resource. moto finds the classes below by their base class."""

    emulator: Emulator
    kind: ResourceType

    def __init__(self, deployment: Deployment, properties: Mapping[str, Any]) -> None:
        self.deployment = deployment
        self.properties = properties
        self.type = self.kind.type_name

    @property
    def physical_resource_id(self) -> str:
        """What Ref gives."""
        if self.kind.identifier:
            return str(self.get_cfn_attribute(self.kind.identifier))
        return self.deployment.name

    def get_cfn_attribute(self, name: str) -> Any:
        """What Fn::GetAtt gives."""
        found = self.kind.attributes_of(self.deployment.description())
        if name not in found:
            from moto.cloudformation.exceptions import UnformattedGetAttTemplateException

            raise UnformattedGetAttTemplateException
        return found[name]

    def delete(self, account: str, region: str) -> None:
        """Called when the stack no longer has the resource."""
        with_errors(self.deployment.delete, self.properties)

    def is_created(self) -> bool:
        return True


def with_errors(call: Callable[..., Result], *arguments: Any) -> Result:
    """Refusals in the form of moto's own errors."""
    from moto.cloudformation.exceptions import ValidationError

    try:
        return call(*arguments)
    except Refused as refusal:
        raise ValidationError(message=str(refusal)) from None


def _update(place: str, deployment: Deployment, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """A resource of another name takes the old one's place, which goes when nothing uses it any more."""
    former = deployment.update(before, after)
    if former is not None:
        _LEFTOVERS.delete(place, former, before)
    _LEFTOVERS.retry(place)


def _model(kind: ResourceType) -> type[CloudFormationModel]:
    class Model(_Model, CloudFormationModel):
        @staticmethod
        def cloudformation_name_type() -> str:
            return "" if kind.kind == "MultiRegionCluster" else kind.name

        @staticmethod
        def cloudformation_type() -> str:
            return kind.type_name

        @classmethod
        def has_cfn_attr(cls, attr: str) -> bool:
            return attr in kind.attributes

        @classmethod
        def create_from_cloudformation_json(
            cls,
            resource_name: str,
            cloudformation_json: dict[str, Any],
            account_id: str,
            region_name: str,
            **kwargs: Any,
        ) -> Model:
            properties = cloudformation_json["Properties"]
            # Without a suffix in the template it is the name that moto makes of the stack's and the resource's.
            if kind.kind == "MultiRegionCluster":
                properties = {kind.naming: resource_name.lower(), **properties}
            deployment = Deployment(kind, _invoke(cls.emulator, account_id, region_name))
            with_errors(deployment.create, properties)
            return cls(deployment, properties)

        @classmethod
        def update_from_cloudformation_json(
            cls,
            original_resource: Model,
            new_resource_name: str,
            cloudformation_json: dict[str, Any],
            account_id: str,
            region_name: str,
        ) -> Model:
            before, after = original_resource.properties, cloudformation_json["Properties"]
            if kind.kind == "MultiRegionCluster":
                after = {kind.naming: before[kind.naming], **after}
            place = f"{account_id}/{region_name}"
            with_errors(_update, place, original_resource.deployment, before, after)
            return cls(original_resource.deployment, after)

        @classmethod
        def delete_from_cloudformation_json(
            cls,
            resource_name: str,
            cloudformation_json: dict[str, Any],
            account_id: str,
            region_name: str,
        ) -> None:
            deployment = Deployment(kind, _invoke(cls.emulator, account_id, region_name), resource_name)
            with_errors(deployment.delete, cloudformation_json["Properties"])

    Model.kind = kind
    return Model


_LEFTOVERS: Final = Leftovers()
_MODELS: list[type[CloudFormationModel]] = []
