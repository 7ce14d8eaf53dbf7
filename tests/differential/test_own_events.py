"""A RESP3 client that listens to the events of keys that it changes itself: its replies and messages come in a real server's order."""

from __future__ import annotations

from contextlib import closing

import pytest

from .player import Connection
from .wire import request, split_line
from .witness import Server

MARK = b"$3\r\nend\r\n"

# A line is sent as one packet; what differs between versions is left to them: each is compared with its own witness.
FAMILIES = {
    "strings": """
        SET {k}a 1
        SET {k}a 2 EX 100
        SET {k}a 3 GET
        SET {k}new 3 GET
        SETEX {k}a 100 1
        GETSET {k}a 5
        GETSET {k}other 5
        GETEX {k}a PERSIST
        GETEX {k}a EX 100
        EXPIRE {k}a 50
        PERSIST {k}a
        GETDEL {k}a
        GETDEL {k}a
        MSET {k}m 1 {k}n 2
        APPEND {k}m x
        INCR {k}n
        BITFIELD {k}bits SET u8 0 5
        BITFIELD {k}bits INCRBY u8 0 5 GET u8 0
        BITOP OR {k}to {k}bits {k}none
        PFADD {k}counter a
        MGET {k}none {k}m {k}bits {k}none
        COPY {k}m {k}copy
        RENAME {k}copy {k}copied
        DEL {k}copied {k}m {k}none
    """,
    "lists": """
        LPUSH {k}l a b c d e f
        RPUSHX {k}l x y z
        LINSERT {k}l BEFORE a z
        LSET {k}l 0 w
        LREM {k}l 1 x
        LTRIM {k}l 0 7
        LPOP {k}l
        RPOP {k}l 2
        BLPOP {k}l 1
        LMOVE {k}l {k}other LEFT RIGHT
        BRPOPLPUSH {k}l {k}other 1
        RPOPLPUSH {k}l {k}l
        LTRIM {k}l 9 1
        RPOPLPUSH {k}other {k}l
        LPOP {k}other
        LSET {k}other 0 a
    """,
    "sets": """
        SADD {k}s a
        SPOP {k}s
        SADD {k}s a
        SADD {k}t b
        SMOVE {k}s {k}t a
        SADD {k}s a
        SUNIONSTORE {k}u {k}s {k}t
        SINTERSTORE {k}u {k}s {k}t
        SADD {k}t2 c
        SINTERSTORE {k}u {k}s {k}t2
        SUNIONSTORE {k}u {k}s {k}none
        SINTERSTORE {k}u {k}s {k}none
        SUNIONSTORE {k}u {k}s {k}none
        SDIFFSTORE {k}u {k}s {k}s
        SREM {k}s a
        HSET {k}h a 1 b 2
        HSETNX {k}h e 1
        HINCRBY {k}h n 1
        HINCRBYFLOAT {k}h n 1.5
        HDEL {k}h a b e n
    """,
    "sorted sets": """
        ZADD {k}z 1 a 2 b 3 c 4 d 5 e 6 f 7 g
        ZADD {k}z INCR 1 a
        ZINCRBY {k}z 1 b
        ZREM {k}z a
        ZPOPMIN {k}z
        ZPOPMAX {k}z 2
        BZPOPMIN {k}z 1
        ZUNIONSTORE {k}to 1 {k}z
        ZDIFFSTORE {k}to 1 {k}none
        ZRANGESTORE {k}to {k}z 0 -1
        ZRANGESTORE {k}to {k}z 10 11
        ZREMRANGEBYRANK {k}z 0 0
        BZPOPMAX {k}z 1
        ZADD {k}z 1 a
        ZMPOP 1 {k}z MIN
        ZADD {k}z 1 a
        BZMPOP 1 1 {k}z MAX
        GEOADD {k}g 1 1 a
        GEOSEARCHSTORE {k}to {k}g FROMMEMBER a BYRADIUS 10 km
    """,
    "streams": """
        XADD {k}x 1-1 a b
        XADD {k}x MAXLEN 1 1-2 a b
        XADD {k}y 1-1 a b
        XGROUP CREATE {k}x g 0
        XGROUP CREATE {k}y g 0
        XGROUP CREATE {k}made g 0 MKSTREAM
        XREADGROUP GROUP g alice STREAMS {k}x {k}y > >
        XREADGROUP GROUP g bob STREAMS {k}x {k}y 0 0
        XCLAIM {k}x g carl 0 1-2
        XAUTOCLAIM {k}x g dora 0 0
        XGROUP SETID {k}x g 0
        XGROUP DELCONSUMER {k}x g dora
        XGROUP DESTROY {k}x g
        XSETID {k}x 5-5
        XDEL {k}x 1-2
        XTRIM {k}y MAXLEN 0
    """,
    "together": """
        SET {k}a 1
        MULTI;;LPUSH {k}l 1;;GETSET {k}a 2;;ZADD {k}z 1 x;;ZPOPMIN {k}z;;MGET {k}none {k}a;;INCR {k}l;;EXEC
        EVAL "redis.call('LPUSH', KEYS[1], 1) return redis.call('GETSET', KEYS[2], 2)" 2 {k}l {k}a
        EVAL "redis.call('LPUSH', KEYS[1], 1) return redis.error_reply('no')" 1 {k}l
        EVAL "return redis.call('MGET', KEYS[1], KEYS[2])" 2 {k}none {k}a
        BITOP AND {k}to {k}none {k}l;;GET {k}a
        CLIENT TRACKING ON;;GET {k}a;;SET {k}a 5
        MGET {k}a {k}b {k}c;;MULTI;;SET {k}a 1;;GETSET {k}b 2;;SET {k}c 1;;EXEC
        GET {k}a;;LRANGE {k}l 0 0;;EVAL "redis.call('LPUSH', KEYS[1], 1) redis.call('SET', KEYS[2], 1)" 2 {k}l {k}a
    """,
}


class Listener:
    """A RESP3 client that hears of all keys."""

    def __init__(self, server: Server) -> None:
        self.connection = Connection(server)
        self.connection.ask(b"FLUSHALL")
        self.connection.ask(b"HELLO", b"3")
        self.connection.ask(b"PSUBSCRIBE", b"__keyspace@0__:*")

    def close(self) -> None:
        self.connection.close()

    def send(self, line: str) -> None:
        self.connection.send(b"".join(request(split_line(each)) for each in line.split(";;")))

    def heard(self, until: bytes = MARK) -> bytes:
        """What came up to that."""
        if until == MARK:
            self.send("ECHO end")
        data = b""
        while not data.endswith(until):
            data += self.connection.read()
        return data

    def play(self, line: str) -> bytes:
        """All that a line is answered, messages included."""
        self.send(line)
        return self.heard()


@pytest.mark.parametrize("family", FAMILIES)
def test_own_events_come_where_a_real_server_tells_of_them(family: str, noisy: tuple[Server, Server]) -> None:
    lines = [line.strip() for line in FAMILIES[family].strip().splitlines()]
    real, ours = map(Listener, noisy)
    with closing(real), closing(ours):
        expected = [(line, real.play(line)) for line in lines]
        actual = [(line, ours.play(line)) for line in lines]
    assert actual == expected


WAITING = {
    "a list's end": ("BLPOP {k}l 0", "RPUSH {k}l a b", b"$4\r\nlpop\r\n"),
    "a moved element": ("BLMOVE {k}l {k}m LEFT RIGHT 0", "RPUSH {k}l a", b"$3\r\ndel\r\n"),
    "a member": ("BZPOPMIN {k}z 0", "ZADD {k}z 1 a 2 b", b"$7\r\nzpopmin\r\n"),
    "what EXEC adds": ("BLPOP {k}l 0", "MULTI;;RPUSH {k}l a b;;GET {k}none;;EXEC", b"$4\r\nlpop\r\n"),
    "what a script adds": (
        "BLPOP {k}l 0",
        "EVAL \"redis.call('RPUSH', KEYS[1], 1, 2)\" 1 {k}l",
        b"$4\r\nlpop\r\n",
    ),
}


@pytest.mark.parametrize("case", WAITING)
def test_who_fills_what_others_wait_for_hears_of_them_last(case: str, noisy: tuple[Server, Server]) -> None:
    waits, fills, last = WAITING[case]

    def play(server: Server) -> tuple[bytes, bytes]:
        with closing(Listener(server)) as author, closing(Listener(server)) as waiting:
            waiting.send(waits)
            while b"blocked_clients:1" not in author.connection.ask(b"INFO", b"clients"):
                pass
            author.send(fills)
            return author.heard(last), waiting.heard()

    assert play(noisy[1]) == play(noisy[0])
