"""MemoryDB as a service of LocalStack, found by its entry points."""
