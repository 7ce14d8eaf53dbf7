"""Public Tcl test suites (of Redis and Valkey), played against our engine: `python -m tests.suites --help`.

The suites themselves are not part of the project. What of them does not pass, and why, is in the lists here.
"""
