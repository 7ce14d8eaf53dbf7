"""Test suites of clients and of libraries that use them, played against our engine: `python -m tests.suites.clients --help`."""
