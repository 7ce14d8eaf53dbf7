"""What the programs of the Python clients share: where the cluster is, how they tell, how they ask for what happens to it.

A program tells its stories in order, one line each on standard output: `story NAME ok`, `story NAME skip REASON` or
`story NAME failed TRACE`. With `ask WHAT` it has the test change the cluster, and waits for the answer, a line on standard input.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable

NAME = os.environ["STORY_NAME"]
HOST, PORT = os.environ["STORY_HOST"], int(os.environ["STORY_PORT"])
CA = os.environ["STORY_CA"]
USER, PASSWORD = os.environ["STORY_USER"], os.environ["STORY_PASSWORD"]
CHOSEN = sys.argv[1:]  # the stories to tell; all of them where none is named


class Skip(Exception):
    """The library cannot do this; why."""


def key(rest: str) -> str:
    """A key of this program, within what the user may touch."""
    return f"story:{NAME}:{rest}"


def tagged(rest: str) -> str:
    """A key of this program, all of whose tagged keys share one slot."""
    return f"story:{{{NAME}}}:{rest}"


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


def tell(stories: dict[str, Callable[[], object]]) -> None:
    """Tell stories one after the other; one that fails does not keep the others from being told."""
    for name, story in stories.items():
        if not CHOSEN or name in CHOSEN:
            try:
                story()
            except Skip as reason:
                say(name, "skip", str(reason))
            except Exception:
                say(name, "failed", traceback.format_exc())
            else:
                say(name, "ok")


async def tell_async(stories: dict[str, Callable[[], Awaitable[object]]]) -> None:
    """The same for coroutines."""
    for name, story in stories.items():
        if not CHOSEN or name in CHOSEN:
            try:
                await asyncio.wait_for(story(), 40)
            except Skip as reason:
                say(name, "skip", str(reason))
            except Exception:
                say(name, "failed", traceback.format_exc())
            else:
                say(name, "ok")


async def ask_async(what: str) -> str:
    """`ask`, while the client's own tasks go on."""
    return await asyncio.to_thread(ask, what)
