"""What a node knows about its own work: SLOWLOG, LATENCY, MEMORY, MONITOR. https://valkey.io/commands/#server"""

from __future__ import annotations

from localstack_memorydb.engine import memory, memory_report
from localstack_memorydb.engine.commands.keys import encoding
from localstack_memorydb.engine.errors import CommandError, SyntaxFault, printable, wrong_subcommand_arguments
from localstack_memorydb.engine.help import help_lines
from localstack_memorydb.engine.looking import looking
from localstack_memorydb.engine.memory_usage import told
from localstack_memorydb.engine.numbers import INT_MAX, INT_MIN, parse_int, parse_int_in
from localstack_memorydb.engine.registry import (
    ADMIN,
    LOADING,
    NOSCRIPT,
    READONLY,
    STALE,
    Family,
    one,
)
from localstack_memorydb.engine.resp import NOTHING, OK, Argv, Reply, Verbatim
from localstack_memorydb.engine.session import Session
from localstack_memorydb.engine.versions import is_valkey

observing = Family("server")

_ANYTIME = ADMIN | LOADING | NOSCRIPT | STALE


@observing.command("MONITOR", 1, _ANYTIME)
def monitor(s: Session, argv: Argv) -> Reply:
    """Shows every command that the node runs from now on to this client."""
    if s.in_exec:
        raise CommandError("ERR MONITOR isn't allowed for DENY BLOCKING client")
    if s in s.node.monitors:
        return NOTHING
    s.node.monitors[s] = None
    s.node.announce_gates()
    return OK


# -- SLOWLOG --------------------------------------------------------------------------------------------------------------

observing.container("SLOWLOG", since="2.2.12")

_TEN = 10


@observing.command("SLOWLOG|GET", -2, ADMIN | LOADING | STALE, since="2.2.12")
def slowlog_get(s: Session, argv: Argv) -> Reply:
    """The newest entries: ten, or as many as asked for, or all (-1)."""
    if len(argv) > 3:
        raise wrong_subcommand_arguments("slowlog", argv[1], s.legacy)
    count, entries = _TEN, s.node.stats.slowlog.entries
    if len(argv) == 3:
        least, text = (INT_MIN, None) if s.legacy else (-1, "ERR count should be greater than or equal to -1")
        count = parse_int_in(argv[2], least, INT_MAX, text)
    return list(entries)[: len(entries) if count < 0 else count]


@observing.command("SLOWLOG|LEN", 2, ADMIN | LOADING | STALE, since="2.2.12")
def slowlog_len(s: Session, argv: Argv) -> Reply:
    """How many entries there are."""
    return len(s.node.stats.slowlog.entries)


@observing.command("SLOWLOG|RESET", 2, ADMIN | LOADING | STALE, since="2.2.12")
def slowlog_reset(s: Session, argv: Argv) -> Reply:
    """Forgets the entries."""
    s.node.stats.slowlog.entries.clear()
    return OK


@observing.command("SLOWLOG|HELP", 2, LOADING | STALE, since="6.2.0")
def slowlog_help(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "slowlog")


# -- LATENCY --------------------------------------------------------------------------------------------------------------

observing.container("LATENCY", since="2.8.13")


@observing.command("LATENCY|LATEST", 2, _ANYTIME, since="2.8.13")
def latency_latest(s: Session, argv: Argv) -> Reply:
    """The latest and the longest spike of each kind. MemoryDB has no threshold that would have any noted."""
    stats = s.node.stats
    return [[name, *history[-1], stats.longest[name]] for name, history in stats.events.items()]


@observing.command("LATENCY|HISTORY", 3, _ANYTIME, since="2.8.13")
def latency_history(s: Session, argv: Argv) -> Reply:
    """When spikes of one kind were, and how long."""
    return [list(event) for event in s.node.stats.events.get(argv[2], ())]


@observing.command("LATENCY|RESET", -2, _ANYTIME, since="2.8.13")
def latency_reset(s: Session, argv: Argv) -> Reply:
    """Forgets the spikes of these kinds, or of all; how many kinds that were."""
    stats = s.node.stats
    names = [name for name in (argv[2:] or list(stats.events)) if name in stats.events]
    for name in names:
        del stats.events[name], stats.longest[name]
    return len(names)


@observing.command("LATENCY|GRAPH", 3, _ANYTIME, since="2.8.13")
def latency_graph(s: Session, argv: Argv) -> Reply:
    """The spikes of one kind as a picture."""
    history = s.node.stats.events.get(argv[2])
    if not history:
        raise CommandError(f"ERR No samples available for event '{printable(argv[2])}'")
    name, values = argv[2].decode("latin-1"), [value for _, value in history]
    head = f"{name} - high {max(values)} ms, low {min(values)} ms (all time high {s.node.stats.longest[argv[2]]} ms)"
    rows = _bars(values)
    return Verbatim("\n".join([head, "-" * 80, *rows, ""]).encode("latin-1"))


def _bars(values: list[int]) -> list[str]:
    """A bar for each value, four rows high."""
    low, spread = min(values), max(max(values) - min(values), 1)
    heights = [(value - low) * 4 / spread for value in values]
    return [
        "".join("#" if height >= row else "_" if row == 0 else " " for height in heights)
        for row in (3, 2, 1, 0)
    ]


@observing.command("LATENCY|DOCTOR", 2, _ANYTIME, since="2.8.13")
def latency_doctor(s: Session, argv: Argv) -> Reply:
    """What the spikes tell."""
    valkey = is_valkey(s.node.cluster.spec.engine_version)
    if not s.node.stats.events and not s.node.cluster.parameters.latency_monitor_threshold:
        product = "Valkey" if valkey else "Redis"
        text = (
            f"I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this {product} instance. You may use "
            '"CONFIG SET latency-monitor-threshold <milliseconds>." in order to enable it.'
        )
        if not valkey:
            text += (
                " If we weren't in a deep space mission I'd suggest to take a look at "
                "https://redis.io/topics/latency-monitor."
            )
        return Verbatim(f"{text}\n".encode())
    if not s.node.stats.events:
        return Verbatim(
            b"Dave, no latency spike was observed during the lifetime of this "
            b"%b instance, not in the slightest bit. You may try to restart it and see if it helps.\n"
            % (b"Valkey" if valkey else b"Redis")
        )
    lines = [
        f"{name.decode('latin-1')}: {len(history)} latency spikes, worst all time event {s.node.stats.longest[name]}ms."
        for name, history in s.node.stats.events.items()
    ]
    return Verbatim(
        "\n".join(["Dave, I have observed latency spikes in this instance.", *lines, ""]).encode()
    )


@observing.command("LATENCY|HISTOGRAM", -2, _ANYTIME, since="7.0.0")
def latency_histogram(s: Session, argv: Argv) -> Reply:
    """How long the calls of commands took, for those that were timed (parameter latency-tracking)."""
    stats = s.node.stats.commands
    wanted = list(stats)
    if len(argv) > 2:
        named: dict[str, list[str]] = {}
        for each in stats:
            for name in {each, each.partition("|")[0]}:
                named.setdefault(name, []).append(each)
        words = dict.fromkeys(word.decode("latin-1").lower() for word in looking(argv[2:]))
        wanted = [each for word in looking(words) for each in named.get(word, ())]
    found = {}
    for name in wanted:
        buckets = dict(stats[name].cumulative())
        if buckets:
            calls = sum(stats[name].histogram.values())
            found[name.encode()] = {b"calls": calls, b"histogram_usec": buckets}
    return found


@observing.command("LATENCY|HELP", 2, LOADING | STALE, since="2.8.13")
def latency_help(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "latency")


# -- MEMORY ---------------------------------------------------------------------------------------------------------------

observing.container("MEMORY", since="4.0.0")


@observing.command("MEMORY|USAGE", -3, READONLY, keys=one("RO", 2), since="4.0.0")
def memory_usage(s: Session, argv: Argv) -> Reply:
    """The bytes that a key takes on a real node."""
    samples = memory.SAMPLES
    for at in range(3, len(argv), 2):
        if argv[at].lower() != b"samples" or at + 1 == len(argv):
            raise SyntaxFault
        samples = parse_int(argv[at + 1])
        if samples < 0:
            raise SyntaxFault
    value = s.db.get(argv[2])
    if value is None:
        return None
    return told(argv[2], value, samples, s.table.level, encoding(s, argv[2], value))


@observing.command("MEMORY|DOCTOR", 2, since="4.0.0")
def memory_doctor(s: Session, argv: Argv) -> Reply:
    """What the use of memory tells."""
    return Verbatim(memory_report.diagnosis(s).encode())


@observing.command("MEMORY|MALLOC-STATS", 2, since="4.0.0")
def memory_malloc_stats(s: Session, argv: Argv) -> Reply:
    """What the allocator says: it is Python's."""
    return Verbatim(b"Stats not supported for the current allocator")


@observing.command("MEMORY|PURGE", 2, since="4.0.0")
def memory_purge(s: Session, argv: Argv) -> Reply:
    """There is nothing to give back."""
    return OK


@observing.command("MEMORY|STATS", 2, since="4.0.0")
def memory_stats(s: Session, argv: Argv) -> Reply:
    """Where the memory went."""
    return memory_report.stats(s)


@observing.command("MEMORY|HELP", 2, LOADING | STALE, since="4.0.0")
def memory_help(s: Session, argv: Argv) -> Reply:
    """What the subcommands do."""
    return help_lines(s, "memory")
