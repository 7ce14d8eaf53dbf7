"""What lives in this process, by class: how many objects, and how many bytes they take."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

_SECONDS: Final = 2.0  # all clients wait meanwhile
_BETWEEN_LOOKS: Final = 4096


@dataclass(slots=True)
class Histogram:
    """Instances and bytes of each class. It is not `complete` when there were too many objects to look at all of them."""

    instances: dict[type, int] = field(default_factory=dict)
    sizes: dict[type, int] = field(default_factory=dict)
    complete: bool = True

    def add(self, found: Any) -> None:
        """Counts an object."""
        kind = type(found)
        self.instances[kind] = self.instances.get(kind, 0) + 1
        self.sizes[kind] = self.sizes.get(kind, 0) + sys.getsizeof(found, 0)

    def text(self) -> str:
        """A table, the class that takes most first."""
        lines = [" num     #instances         #bytes  class name", "-" * 47]
        # A class may have anything for its module, such as a property for its instances.
        named = {kind: f"{kind.__module__}.{kind.__qualname__}" for kind in self.sizes}
        ordered = sorted(self.sizes, key=lambda kind: (-self.sizes[kind], named[kind]))
        lines += [
            f"{place:4}: {self.instances[kind]:14} {self.sizes[kind]:14}  {named[kind]}"
            for place, kind in enumerate(ordered, 1)
        ]
        lines.append(f"Total {sum(self.instances.values()):14} {sum(self.sizes.values()):14}")
        if not self.complete:
            lines.append(f"There is more: this is what was found in {_SECONDS:g} seconds.")
        return "\n".join([*lines, ""])


def take_histogram(clock: Callable[[], float], seconds: float = _SECONDS) -> Histogram:
    """Looks at every object that is alive, and ends after so many seconds of that clock."""
    found, until = Histogram(), clock() + seconds
    for number, each in enumerate(_alive(), 1):
        found.add(each)
        if number % _BETWEEN_LOOKS == 0 and clock() > until:
            found.complete = False
            break
    return found


def _alive() -> Iterator[Any]:
    """All containers, and what they hold that is none: the collector of garbage knows no strings, numbers and the like."""
    containers = gc.get_objects()
    seen: set[int] = set()
    for container in containers:
        yield container
        untracked = [container]
        while untracked:
            for held in gc.get_referents(untracked.pop()):
                if not gc.is_tracked(held) and id(held) not in seen:
                    seen.add(id(held))
                    yield held
                    untracked.append(held)
