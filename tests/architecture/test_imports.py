"""Arrows point inwards: integrations -> provider -> engine, never back. Files stay readable."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "localstack_memorydb"
FILES = sorted((ROOT / PACKAGE).rglob("*.py"))
MAX_LINES = 700

ENGINE_LIBRARIES = {
    "bitarray",
    "crcmod",
    "cryptography",
    "fastcrc",
    "greenlet",
    "hiredis",
    "lupa",
    "sortedcontainers",
    "uvloop",
}
# Time and luck come in as arguments; sockets live in one place.
OUTSIDE_OF_SESSIONS = {"asyncio", "random", "secrets", "socket", "ssl", "threading", "time", "uvloop"}
NAMES_OF_ARGUMENTS = {"random.Random"}
WITH_SOCKETS = {"engine/__main__.py", "engine/runtime.py", "engine/server.py", "engine/tls.py"}
PRODUCTS = {"boto3", "botocore", "flask", "localstack", "moto", "plux", "rolo", "werkzeug"}


def modules(path: Path) -> Iterator[str]:
    """Every module that a file imports, at any depth; for `from a import b` that is a.b."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = list(package[: len(package) - node.level + 1]) if node.level else []
            origin = ".".join([*parts, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def refusal(path: Path, module: str) -> str | None:
    """Why a file may not import a module; None when it may."""
    place = path.relative_to(ROOT / PACKAGE).as_posix()
    part = place.partition("/")[0]
    top, _, inner = module.partition(".")
    own = inner.partition(".")[0] if top == PACKAGE else None
    if part == "engine":
        if own not in {None, "__version__", "engine"}:
            return "the engine knows nothing of the other parts"
        allowed = (
            ENGINE_LIBRARIES
            | sys.stdlib_module_names
            | ({"click"} if place == "engine/__main__.py" else set())
        )
        if own is None and top not in allowed:
            return "the engine stands on the standard library and a few named ones"
        if top in OUTSIDE_OF_SESSIONS and place not in WITH_SOCKETS and module not in NAMES_OF_ARGUMENTS:
            return "time, luck and sockets come in as arguments"
    elif part == "provider":
        if own not in {None, "__version__", "engine", "provider"}:
            return "the provider knows the engine and nothing else of ours"
        if own == "engine" and inner.count(".") > 1:
            return "the provider uses the engine's front door"
        if top in PRODUCTS - {"botocore"} or (top == "botocore" and place != "provider/model.py"):
            return "the model is the provider's only view of other products"
    elif part == "integrations":
        host = place.split("/")[1].removesuffix(".py")
        other = {"localstack": "moto", "moto": "localstack"}.get(host)
        if own == "integrations" and other and inner.startswith(f"integrations.{other}"):
            return "adapters do not know each other"
        if own == "engine" and inner.count(".") > 1:
            return "adapters use the engine's front door"
        if top == other:
            return "an adapter adapts one product"
    elif top in PRODUCTS - {"boto3", "botocore"}:
        return "only integrations import other people's products"
    return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_arrows_point_inwards(path: Path) -> None:
    refused = {module: reason for module in modules(path) if (reason := refusal(path, module))}
    assert refused == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_stay_readable(path: Path) -> None:
    assert len(path.read_text().splitlines()) < MAX_LINES


def test_the_rule_bites() -> None:
    engine = ROOT / PACKAGE / "engine" / "session.py"
    assert refusal(engine, "time") is not None
    assert refusal(engine, f"{PACKAGE}.provider") is not None
    assert (
        refusal(ROOT / PACKAGE / "provider" / "store.py", f"{PACKAGE}.engine.keyspace.Keyspace") is not None
    )
    assert refusal(ROOT / PACKAGE / "provider" / "store.py", f"{PACKAGE}.engine.Engine") is None
    assert refusal(ROOT / PACKAGE / "integrations" / "moto" / "server.py", "localstack.config") is not None
