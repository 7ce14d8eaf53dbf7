"""What moto's CloudFormation lacks for tools that deploy stacks by change sets, as the CDK and `aws cloudformation deploy` do."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from localstack_memorydb.integrations.moto.triggers import wrap

_OURS = "AWS::MemoryDB::"


def take_over() -> None:
    """Mend moto's classes, for good, when its CloudFormation is first used: it is slow to import.

    Stacks without a resource of MemoryDB stay as moto has them.
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
    from moto.cloudformation import models

    wrap(models.CloudFormationBackend, "delete_change_set", _if_there_is_one)
    wrap(models.CloudFormationBackend, "describe_change_set", _or_not_found)
    wrap(models.CloudFormationBackend, "update_stack", _if_something_changes)
    wrap(models.ChangeSet, "apply", _then_with_outputs)


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
