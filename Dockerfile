# LocalStack's last community image with MemoryDB in it. Not run by the tests of this project: see docs/localstack.md.
FROM localstack/localstack:4.14.0
COPY . /opt/code/localstack-memorydb
RUN /opt/code/localstack/.venv/bin/python -m pip install --no-cache-dir /opt/code/localstack-memorydb "redis>=5.1" "awslambdaric>=4,<5"
# Loopback addresses of the container are out of reach from outside: nodes take the ports that the container publishes.
ENV MEMORYDB_NODE_ADDRESSES=range \
    MEMORYDB_BIND=0.0.0.0 \
    MEMORYDB_ANNOUNCE_HOST=localhost
