"""What moto's CloudFormation lacks for tools that deploy stacks by change sets, as the CDK and `aws cloudformation deploy` do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from localstack_memorydb.integrations.moto.wrapping import wrap

_OURS = "AWS::MemoryDB::"
_SUBSTITUTED = re.compile(r"\$\{([A-Za-z0-9]+)")


def take_over() -> None:
    """Mend moto's classes, for good, when its CloudFormation is first used: it is slow to import.

    What becomes of stacks without a resource of MemoryDB stays as moto has it.
    """
    from moto import backends

    wrap(backends, "get_backend", _then_mended)


def _then_mended(original: Callable[[str], Any], name: str) -> Any:
    found = original(name)
    if name == "cloudformation":
        _mend()
    return found


@cache
def _mend() -> None:
    from moto.cloudformation import models, parsing
    from moto.cloudformation.responses import CloudFormationResponse

    wrap(CloudFormationResponse, "create_change_set", _of_the_right_type)
    wrap(models.CloudFormationBackend, "delete_change_set", _if_there_is_one)
    wrap(models.CloudFormationBackend, "describe_change_set", _or_not_found)
    wrap(models.CloudFormationBackend, "update_stack", _if_something_changes)
    wrap(models.ChangeSet, "apply", _then_with_outputs)
    wrap(parsing.ResourceMap, "build_resource_diff", _with_what_refers)


def _of_the_right_type(original: Callable[..., Any], response: Any) -> Any:
    """A change set changes a stack unless it says that it creates one, which then must not be there yet.

    moto creates by default, and a second stack of the same name. (A stack that another change set has begun is there in name only.)
    """
    from moto.cloudformation.exceptions import ValidationError

    name, kind = response._get_param("StackName"), response._get_param("ChangeSetType")
    if kind is None:
        response.params["ChangeSetType"] = "UPDATE"
    elif kind == "CREATE":
        for stack in response.cloudformation_backend.stacks.values():
            if name in {stack.name, stack.stack_id} and stack.status != "REVIEW_IN_PROGRESS":
                said = f"Stack:{stack.stack_id} already exists and cannot be created again with the changeSet"
                raise ValidationError(name, f"{said} [{response._get_param('ChangeSetName')}]")
    return original(response)


def _if_there_is_one(original: Callable[..., None], backend: Any, change_set_name: str) -> None:
    """The CDK deletes a change set before it makes it; CloudFormation does not mind, moto fails."""
    if _is_there(backend, change_set_name):
        original(backend, change_set_name)


def _or_not_found(original: Callable[..., Any], backend: Any, change_set_name: str) -> Any:
    """And it looks whether it is gone; moto says that there is no such stack."""
    if not _is_there(backend, change_set_name):
        from moto.cloudformation.exceptions import CloudFormationError

        raise CloudFormationError(
            "ChangeSetNotFoundException", f"ChangeSet [{change_set_name}] does not exist"
        )
    return original(backend, change_set_name)


def _is_there(backend: Any, change_set_name: str) -> bool:
    return any(change_set_name in {key, each.change_set_name} for key, each in backend.change_sets.items())


def _if_something_changes(
    original: Callable[..., Any],
    backend: Any,
    name: str,
    template: str,
    role_arn: str | None,
    parameters: list[dict[str, Any]],
    tags: dict[str, str] | None,
) -> Any:
    """moto compares parameters, too, only when the request has some."""
    from moto.cloudformation.exceptions import ValidationError

    stack = backend.get_stack(name)
    same_tags = tags is None or tags == stack.tags
    if _OURS in str(stack.template) and same_tags and stack.has_template(template):
        given = backend._resolve_update_parameters(instance=stack, incoming_params=parameters)
        if stack.has_parameters(given):
            raise ValidationError(name, message="No updates are to be performed.")
    return original(backend, name, template, role_arn, parameters, tags)


def _then_with_outputs(original: Callable[..., None], change_set: Any) -> None:
    """A stack has the outputs and the description of the template that was last executed."""
    original(change_set)
    stack = change_set.stack
    if _OURS in str(change_set.template):
        stack.template = change_set.template
        stack.template_dict = change_set.template_dict
        stack.description = change_set.template_dict.get("Description")
        stack.parameters = change_set.parameters
        stack.output_map = stack._create_output_map()


def _with_what_refers(
    original: Callable[..., dict[str, list[str]]],
    resources: Any,
    other_template: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
) -> dict[str, list[str]]:
    """moto changes the resources whose own text has changed; what refers to one of them, or to a parameter, may change, too."""
    found = original(resources, other_template, parameters)
    if parameters is None:  # what a change set says of itself
        return found
    changed = {name for name, value in parameters.items() if resources.input_parameters.get(name) != value}
    changed.update(found["Modify"])
    kept = {name: each for name, each in other_template["Resources"].items() if name not in found["Add"]}
    while more := [
        name
        for name, each in kept.items()
        if name not in found["Modify"] and each["Type"].startswith(_OURS) and changed & set(_references(each))
    ]:
        found["Modify"] += more
        changed.update(more)
    return found


def _references(value: Any) -> Iterator[str]:
    """The logical names and parameters that a part of a template refers to."""
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            if key == "Ref":
                yield str(each)
            elif key == "Fn::GetAtt":
                yield str(each if isinstance(each, str) else each[0]).partition(".")[0]
            elif key == "Fn::Sub":
                yield from _SUBSTITUTED.findall(each if isinstance(each, str) else each[0])
            if not isinstance(each, str):
                yield from _references(each)
