"""`python -m localstack_memorydb` is `localstack-memorydb`."""

from __future__ import annotations

from localstack_memorydb.cli import main

if __name__ == "__main__":
    main()
