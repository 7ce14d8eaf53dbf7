"""Functions in CloudFormation templates: the properties that moto's Lambda reads over.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from moto.awslambda.models import LambdaFunction

from localstack_memorydb.integrations.moto.invocations import keep_dead_letters
from localstack_memorydb.integrations.moto.wrapping import wrap


def take_over() -> None:
    """Read them in this process, for good."""
    wrap(LambdaFunction, "create_from_cloudformation_json", _made)
    wrap(LambdaFunction, "update_from_cloudformation_json", _changed)


def _made(
    original: Callable[..., Any], name: str, resource: Mapping[str, Any], *rest: Any, **more: Any
) -> Any:
    text = resource["Properties"]["Code"].get("ZipFile")
    function = original(name, resource, *rest, **more)
    _complete(function, resource["Properties"], text)
    return function


def _changed(original: Callable[..., Any], *, cloudformation_json: Mapping[str, Any], **more: Any) -> Any:
    """moto takes the text of a function for its package, so that no change of it can be made."""
    properties = dict(cloudformation_json["Properties"])
    if text := properties["Code"].get("ZipFile"):
        properties["Code"] = {"ZipFile": _package(text, properties.get("Runtime", ""))}
    function = original(cloudformation_json={**cloudformation_json, "Properties": properties}, **more)
    _complete(function, properties, None)
    return function


def _complete(function: Any, properties: Mapping[str, Any], text: str | None) -> None:
    """`text` is the code of one file, whose name depends on the language; moto's is Python's."""
    if text and properties.get("Runtime", "").startswith("nodejs"):
        function.update_function_code({"ZipFile": _package(text, properties["Runtime"])})
    keep_dead_letters(function, properties)
    if "Layers" in properties:
        function.update_configuration({"Layers": properties["Layers"]})
    if "Architectures" in properties:
        function.architectures = properties["Architectures"]


def _package(text: str, runtime: str) -> str:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.js" if runtime.startswith("nodejs") else "index.py", text)
    return base64.b64encode(written.getvalue()).decode()
