"""Runs a command as a container engine would, as far as its network goes: `python -m tests.hosts.container PORTS... -- COMMAND...`

The command has a network of its own: a loopback device and one more address. Ports of this machine's loopback address
lead to the same ports at that address, so what listens on 127.0.0.1 inside is out of reach from outside.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence

INSIDE = "172.30.0.2"
NOT_PERMITTED = 77
_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS, _SIOCSIFADDR = 0x8914, 0x8916
_IFF_UP_RUNNING = 0x41


def isolate() -> None:
    """Give this thread, and what it starts, a network of its own; exits where that is not permitted."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        print(os.strerror(ctypes.get_errno()), file=sys.stderr)
        sys.exit(NOT_PERMITTED)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP_RUNNING))
        address = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(INSIDE))
        fcntl.ioctl(any_socket, _SIOCSIFADDR, struct.pack("16s16s", b"lo:1", address))


async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    finally:
        target.close()


async def publish(outside: socket.socket) -> None:
    """Pass on connections to a port; one that nobody takes inside is closed, as container engines do it."""
    port = outside.getsockname()[1]

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inside = await asyncio.open_connection(INSIDE, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, inside[1]), copy(inside[0], writer))

    await asyncio.start_server(connected, sock=outside)


async def run(sockets: Sequence[socket.socket], command: Sequence[str]) -> int:
    process = subprocess.Popen(command)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, process.terminate)
    for outside in sockets:
        await publish(outside)
    return await asyncio.to_thread(process.wait)


def main() -> None:
    split = sys.argv.index("--")
    sockets = [socket.create_server(("127.0.0.1", int(port))) for port in sys.argv[1:split]]
    isolate()
    sys.exit(asyncio.run(run(sockets, sys.argv[split + 1 :])))


if __name__ == "__main__":
    main()
