"""The page of operations, written from the operations themselves: `python -m localstack_memorydb.provider.reference`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Final

from localstack_memorydb.provider import OPERATIONS
from localstack_memorydb.provider.operation import COMMON_FAULTS, Operation

_API: Final = "https://docs.aws.amazon.com/memorydb/latest/APIReference/"

# A section holds the operations whose name contains its word; the first that fits.
_SECTIONS: Final = {
    "MultiRegion": "Multi-Region clusters",
    "ParameterGroup": "Parameter groups",
    "Parameters": "Parameter groups",
    "SubnetGroup": "Subnet groups",
    "ReservedNodes": "Reserved nodes",
    "Snapshot": "Snapshots",
    "User": "Users and ACLs",
    "ACL": "Users and ACLs",
    "Tag": "Tags",
    "Untag": "Tags",
    "Event": "Events",
    "ServiceUpdate": "Service updates",
    "BatchUpdate": "Service updates",
    "": "Clusters",
}


def page() -> Iterator[str]:
    """The lines of docs/operations.md."""
    yield "# Operations"
    yield ""
    yield "<!-- Written by `make docs` from the operations' declarations: change it there. -->"
    yield ""
    yield f"The {len(OPERATIONS)} operations of the API. Requests and answers are those of botocore's model, whose bounds and"
    yield "patterns are checked; members that a request must have are **bold**. *Errors* are those that an operation declares; each"
    yield "may also answer `InvalidParameterValueException` or `InvalidParameterCombinationException`. Lists come in pages where"
    yield "`MaxResults` is named."
    yield "[Differences](differences.md) tells what AWS does besides."
    for title in dict.fromkeys(["Clusters", *_SECTIONS.values()]):
        yield from ["", f"## {title}", ""]
        yield "| Operation | What it does | Members of the request | Errors |"
        yield "|---|---|---|---|"
        for name, operation in sorted(OPERATIONS.items()):
            if _section(name) == title:
                cells = (f"[{name}]({_API}API_{name}.html)", *_described(operation))
                yield f"| {' | '.join(cells)} |"


def _section(name: str) -> str:
    return next(title for word, title in _SECTIONS.items() if word in name)


def _described(operation: Operation) -> tuple[str, str, str]:
    return _text(operation), _members(operation), _errors(operation)


def _text(operation: Operation) -> str:
    """What the function says of itself, without the address of the reference."""
    lines = inspect.getdoc(operation.function) or ""
    said = [line for line in lines.splitlines() if not line.startswith("https://")]
    return " ".join(" ".join(said).split()).replace("|", r"\|")


def _members(operation: Operation) -> str:
    members = sorted(operation.model.input.members.values(), key=lambda member: not member.required)
    return ", ".join(f"**{member.name}**" if member.required else member.name for member in members)


def _errors(operation: Operation) -> str:
    common = {fault.__name__ for fault in COMMON_FAULTS}
    return ", ".join(sorted(operation.model.faults - common))


def main() -> None:
    """Write the page to standard output."""
    sys.stdout.write("\n".join(page()) + "\n")


if __name__ == "__main__":
    main()
