"""Options that several commands share, read in Valkey's order and refused with its texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from localstack_memorydb.engine.errors import SyntaxFault
from localstack_memorydb.engine.glob import compile_glob
from localstack_memorydb.engine.numbers import parse_int
from localstack_memorydb.engine.resp import Argv

SCAN_COUNT: Final = 10


def parse_scan_options(
    argv: Argv, at: int, typed: bool = False
) -> tuple[int, Callable[[bytes], bool] | None, bytes]:
    """`[MATCH pattern] [COUNT count] [TYPE type]` from `at` on: count, matcher (None: everything), type's name.

    TYPE is known to SCAN only (`typed`).
    """
    count, pattern, kind = SCAN_COUNT, b"*", b""
    while at < len(argv):
        word = argv[at].upper()
        if at + 1 == len(argv):
            raise SyntaxFault
        value = argv[at + 1]
        if word == b"COUNT":
            count = parse_int(value)
            if count < 1:
                raise SyntaxFault
        elif word == b"MATCH":
            pattern = value
        elif word == b"TYPE" and typed:
            kind = value.lower()
        else:
            raise SyntaxFault
        at += 2
    return count, None if pattern == b"*" else compile_glob(pattern), kind
