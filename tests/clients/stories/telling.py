"""What the programs of the Python clients share: where the cluster is, how they tell, how they ask for what happens to it.

A program tells its stories in order, one line each on standard output: `story NAME ok`, `story NAME skip REASON` or
`story NAME failed TRACE`. With `ask WHAT` it has the test change the cluster, and waits for the answer, a line on standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping

NAME = os.environ["STORY_NAME"]
HOST, PORT = os.environ["STORY_HOST"], int(os.environ["STORY_PORT"])
CA = os.environ["STORY_CA"]
USER, PASSWORD = os.environ["STORY_USER"], os.environ["STORY_PASSWORD"]
CHOSEN = sys.argv[1:]  # the stories to tell; all of them where none is named

ORDER = (
    "connect", "moved", "pipeline", "multi", "pubsub", "sharded_pubsub", "scripts", "streams", "tracking", "reconnect",
)  # fmt: skip
SCRIPT = "return {KEYS[1], redis.call('INCRBY', KEYS[1], ARGV[1])}"
LIBRARY = f"story_{NAME.replace('-', '_')}"


class Skip(Exception):
    """The library cannot do this; why."""


def key(rest: str) -> str:
    """A key of this program, within what the user may touch."""
    return f"story:{NAME}:{rest}"


def tagged(rest: str) -> str:
    """A key of this program, all of whose tagged keys share one slot."""
    return f"story:{{{NAME}}}:{rest}"


def library_source() -> str:
    """A library with one function, which adds to a counter; both have the same name."""
    body = "function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end"
    return f"#!lua name={LIBRARY}\nredis.register_function('{LIBRARY}', {body})"


@contextlib.contextmanager
def refused(error: type[Exception]) -> Iterator[None]:
    """What is done within must fail in this way."""
    try:
        yield
    except error:
        return
    raise AssertionError(f"no {error.__name__}")


def ask(what: str) -> str:
    """Have something done to the cluster; the answer."""
    print("ask", what, flush=True)
    return sys.stdin.readline().strip()


def say(story: str, verdict: str, text: str = "") -> None:
    print("story", story, verdict, json.dumps(text), flush=True)


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Until it holds; an error after ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def tell(stories: Mapping[str, Callable[[], object]]) -> None:
    """Tell stories one after the other; one that fails does not keep the others from being told."""
    for name in CHOSEN or ORDER:
        with telling(name):
            stories[name]()


async def tell_async(stories: Mapping[str, Callable[[], Awaitable[object]]]) -> None:
    """The same for coroutines."""
    for name in CHOSEN or ORDER:
        with telling(name):
            await asyncio.wait_for(stories[name](), 40)


@contextlib.contextmanager
def telling(name: str) -> Iterator[None]:
    """Says how the story ended that is told within."""
    try:
        yield
    except Skip as reason:
        say(name, "skip", str(reason))
    except Exception:
        say(name, "failed", traceback.format_exc())
    else:
        say(name, "ok")


async def ask_async(what: str) -> str:
    """`ask`, while the client's own tasks go on."""
    return await asyncio.to_thread(ask, what)
