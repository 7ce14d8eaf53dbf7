"""The bare engine with all keys in one slot: the suites use keys together that are slots apart.

`python -m tests.suites.one_slot` takes the options of `python -m localstack_memorydb.engine`. It is for the
suites alone: with slots, two tests in three of the older suites would see CROSSSLOT and nothing else.
"""

from __future__ import annotations

import binascii


def put_keys_in_one_slot() -> None:
    """Before the engine is imported, which takes the function from its module."""
    binascii.crc_hqx = lambda data, crc, /: 0


if __name__ == "__main__":
    put_keys_in_one_slot()
    from localstack_memorydb.engine.__main__ import main

    main()
