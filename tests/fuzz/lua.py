"""Scripts of one expression: what the libraries make of values that they are for, and of others."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

NUMBERS: Final = (
    "0 -0 1 2 3 -1 1.5 -2.5 0.1 7 10 16 36 37 127 128 255 256 -128 -129 32767 65535 65536 2^31 -2^31 2^32 2^53 2^63 "
    "1e15 1e16 1e100 -1e308 5e-324 3.14159 100 1/0 -1/0 0/0"
).split()
TEXTS: Final = [
    *[
        "''",
        "'a'",
        "'hello world'",
        "'10'",
        "'0x1F'",
        "' 5 '",
        "'1e3'",
        "'-1'",
        "'\\0\\255'",
        "'key = value'",
        "'%d'",
    ],
    *[
        "'a.b.c'",
        "'(a(b)c)'",
        "'\\n\\r\\t\"'",
        "'\\195\\164'",
        "'aaa'",
        "'nan'",
        "'x,y,,z'",
        "'\\0a\\0'",
        "'__index'",
    ],
]
TABLES: Final = [
    *[
        "{}",
        "{1,2,3}",
        "{'a','b'}",
        "{a=1}",
        "{1,nil,3}",
        "{{1},{2,{3}}}",
        "{[1]=1,[2]=2,[4]=4}",
        "{[1.5]=1}",
    ],
    *[
        "{[-1]=1}",
        "{[100]=1}",
        "{true,false}",
        "{x={y={}}}",
        "{3,1,2}",
        "{'b','a','c'}",
        "{1,'a'}",
        "{[0]=1}",
    ],
]
OTHERS: Final = [
    "nil",
    "true",
    "false",
    "redis.error_reply('E x')",
    "redis.status_reply('S')",
    "print",
    "cjson.null",
]
DOCUMENTS: Final = [
    *[
        "1",
        "-0",
        "1.5",
        "1e400",
        "01",
        "0x10",
        "null",
        "true",
        "tru",
        '"x"',
        '"\\u00e4"',
        '"\\ud83d\\ude00"',
        '"\\ud800"',
    ],
    *[
        "[]",
        "{}",
        "[1,2,3]",
        "[[[]]]",
        '{"a":1}',
        '{"1":2}',
        '{"a":{"b":[null]}}',
        "[1,]",
        "{",
        "[",
        '"',
        "",
        " 1 ",
        "1 2",
    ],
    *[
        '"\\x"',
        '"\t"',
        "nan",
        "-Infinity",
        "12345678901234567890",
        "1e-7",
        '{"a":1,"a":2}',
        "{1:2}",
        "[1 2]",
        '"\\u12"',
    ],
]
PATTERNS: Final = (
    ". %a %d %s %w %p %x %A %W a b l+ o* .- %w+ [a-c] [^a-c] [%w_] [%a-z] []] [^]] [a- %b() %bxy %f[%w] %f[^%w] (a) (.) (%w+) () "
    "((.)(.)) %1 %2 %0 ^ $ ^a b$ a? %. %% % [ ( ) [% %z \\0 + * %b %f"
).split()
FORMATS: Final = (
    "%d %i %u %5d %-5d| %05d %+d %.3d %x %X %#x %o %c %s %10s %-10s| %.2s %q %f %.2f %10.3f %e %.0e %E %g %.3g %G %.14g %.17g %% % %y "
    "%5 %100d %.100f %a %ld a%db %s,%s %d%s"
).split()
STRUCTS: Final = (
    "b B h H i I l L f d s c c0 c3 x i1 i2 i3 I4 i8 I8 >I2 <i4 >d =I >!4bi !8bd bxh s>H Bc0 hh >hhh i9 z !3 >f<d LL"
).split()
REPLACEMENTS: Final = ["'<%0>'", "'%1%1'", "'%2'", "'%%'", "''", "'%'", "{a='A'}", "string.upper", "nil", "5"]

FUNCTIONS: Final = (
    "string.byte string.char string.find string.gmatch string.gsub string.len string.lower string.match string.reverse string.sub "
    "string.upper table.concat table.maxn table.remove table.sort table.getn math.abs math.ceil math.floor math.fmod "
    "math.frexp math.ldexp math.max math.min math.modf math.sqrt math.randomseed bit.arshift bit.band bit.bnot bit.bor bit.bswap "
    "bit.bxor bit.lshift bit.rol bit.ror bit.rshift bit.tobit cjson.encode cjson.decode cjson.encode_sparse_array "
    "cjson.encode_max_depth cjson.decode_max_depth cjson.encode_number_precision cjson.encode_keep_buffer "
    "cjson.encode_invalid_numbers cjson.decode_invalid_numbers cmsgpack.pack cmsgpack.unpack cmsgpack.unpack_one "
    "cmsgpack.unpack_limit struct.pack struct.unpack struct.size redis.sha1hex redis.error_reply redis.status_reply redis.setresp "
    "redis.set_repl redis.replicate_commands redis.breakpoint redis.debug redis.call redis.pcall redis.acl_check_cmd "
    "getmetatable ipairs next pairs pcall rawequal rawget rawset select setmetatable tonumber type unpack xpcall loadstring load"
).split()

# Values of all kinds so that they can be compared: numbers with all their digits, tables by their keys.
SHOW: Final = """local function show(v) local kind = type(v)
if kind == 'number' then return v ~= v and 'nan' or string.format('%.17g', v) end
if kind == 'string' then return '<' .. v .. '>' end
if kind ~= 'table' then return kind == 'boolean' and tostring(v) or kind end
local lines = {} for k, w in pairs(v) do lines[#lines + 1] = show(k) .. '=' .. show(w) end
table.sort(lines) return '{' .. table.concat(lines, ',') .. '}' end
"""


class Expression:
    """Draws an expression of Lua."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def number(self) -> str:
        return self.rng.choice(NUMBERS)  # type: ignore[no-any-return]

    def small(self) -> str:
        return self.rng.choice(["0", "1", "2", "3", "5", "-1", "-2", "-5", "100"])  # type: ignore[no-any-return]

    def value(self) -> str:
        kind: list[str] = self.rng.choice([NUMBERS, NUMBERS, TEXTS, TEXTS, TABLES, OTHERS])
        return self.rng.choice(kind)  # type: ignore[no-any-return]

    def text(self) -> str:
        return self.rng.choice(TEXTS) if self.rng.random() < 0.9 else self.value()  # type: ignore[no-any-return]

    def values(self, most: int) -> str:
        return ", ".join(self.value() for _ in range(self.rng.randrange(1, most + 1)))

    def pattern(self) -> str:
        return "'" + "".join(self.rng.choice(PATTERNS) for _ in range(self.rng.choice([1, 1, 2, 3]))) + "'"

    def draw(self) -> str:
        draw: Callable[[], str] = self.rng.choice(
            [
                self.of_strings,
                self.of_patterns,
                self.of_numbers,
                self.of_tables,
                self.of_json,
                self.of_packs,
                self.of_anything,
            ]
        )
        return draw()

    def of_anything(self) -> str:
        """A function with as many arguments as there happen to be."""
        arguments = self.values(3) if self.rng.random() < 0.85 else ""
        return f"{self.rng.choice(FUNCTIONS)}({arguments})"

    def of_strings(self) -> str:
        one, two, three = self.text(), self.small(), self.small()
        form = "'" + self.rng.choice(FORMATS) + "'"
        return self.rng.choice(  # type: ignore[no-any-return]
            [
                f"string.format({form}, {self.number()})",
                f"string.format({form}, {self.values(2)})",
                f"string.sub({one}, {two}, {three})",
                f"string.byte({one}, {two}, {three})",
                f"string.char({self.small()}, {self.number()})",
                f"string.rep({one}, {two})",
                f"string.reverse({one})",
                f"string.upper({one}) .. string.lower({one})",
                f"#{one}",
                f"{self.value()} .. {self.value()}",
                f"{self.value()} < {self.value()}",
                f"{self.value()} == {self.value()}",
                f"redis.sha1hex({self.value()})",
                f"type({self.value()})",
            ]
        )

    def of_patterns(self) -> str:
        one, pattern = self.text(), self.pattern()
        replacement, start = self.rng.choice(REPLACEMENTS), self.small()
        gathered = f"(function() local all = {{}} for a, b in string.gmatch({one}, {pattern}) do all[#all + 1] = {{a, b}} if #all > 20 then break end end return all end)()"
        return self.rng.choice(  # type: ignore[no-any-return]
            [
                f"string.find({one}, {pattern})",
                f"string.find({one}, {pattern}, {start}, {self.rng.choice(['true', 'false', 'nil'])})",
                f"string.match({one}, {pattern}, {start})",
                f"string.gsub({one}, {pattern}, {replacement})",
                f"string.gsub({one}, {pattern}, {replacement}, {start})",
                gathered,
            ]
        )

    def of_numbers(self) -> str:
        one, two = self.number(), self.number()
        name = self.rng.choice(["tobit", "tohex", "bnot", "bswap"])
        other = self.rng.choice(["band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror", "tohex"])
        exact = self.rng.choice(["floor", "ceil", "abs", "sqrt", "modf", "frexp", "deg"])
        pair = self.rng.choice(["fmod", "max", "min", "ldexp"])
        return self.rng.choice(  # type: ignore[no-any-return]
            [
                f"bit.{name}({one})",
                f"bit.{other}({one}, {two})",
                f"bit.{other}({self.value()}, {self.small()})",
                f"math.{exact}({one})",
                f"math.{exact}({self.value()})",
                f"math.{pair}({one}, {two})",
                f"tonumber({self.value()})",
                f"tonumber({self.text()}, {self.rng.choice(['2', '8', '10', '16', '36', '1', '37', 'nil'])})",
                f"tostring({one})",
                f"{one} {self.rng.choice(['+', '-', '*', '/', '%'])} {self.value()}",
                f"-({self.value()})",
                f"(function() math.randomseed({self.small()}) return math.random(100), math.random(-5, 5) end)()",
            ]
        )

    def of_tables(self) -> str:
        one, two = self.rng.choice(TABLES), self.small()
        changed = self.rng.choice(
            [
                f"table.insert(t, {self.value()})",
                f"table.insert(t, {two}, 9)",
                f"table.remove(t, {two})",
                "table.sort(t)",
            ]
        )
        return self.rng.choice(  # type: ignore[no-any-return]
            [
                f"table.concat({one}, {self.text()})",
                f"table.concat({one}, ',', {two}, {self.small()})",
                f"unpack({one}, {two}, {self.small()})",
                f"select({two}, {self.values(3)})",
                f"select('#', {self.values(3)})",
                f"(function() local t = {one} local r = {changed} return t, r end)()".replace(
                    "local r = table.sort", "table.sort"
                ).replace(", r end", " end" if "sort" in changed else ", r end"),
                f"table.maxn({one})",
                f"#{one}",
                f"({one})[{self.value()}]",
                f"pcall(error, {self.value()})",
                f"next({one}, {self.small()})",
                f"redis.error_reply({self.text()})",
                f"redis.status_reply({self.value()})",
            ]
        )

    def of_json(self) -> str:
        document = "[=[" + self.rng.choice(DOCUMENTS) + "]=]"
        value = self.value()
        return self.rng.choice(  # type: ignore[no-any-return]
            [
                f"cjson.encode({value})",
                f"cjson.encode({{{value}, {self.value()}}})",
                f"cjson.encode({{{self.number()}, {self.number()}}})",
                f"cjson.decode({document})",
                f"cjson.decode({value})",
                f"cjson.encode(cjson.decode({document}))",
                f"cjson.decode(cjson.encode({value}))",
            ]
        )

    def of_packs(self) -> str:
        value, packed = self.value(), f"cmsgpack.pack({self.values(2)})"
        form = "'" + self.rng.choice(STRUCTS) + "'"
        where = self.rng.choice(["1", "2", "0", "-1", "9"])
        return self.rng.choice(  # type: ignore[no-any-return]
            [
                packed,
                f"cmsgpack.unpack({packed})",
                f"cmsgpack.unpack({packed} .. {packed})",
                f"cmsgpack.unpack_one({value}, {self.value()})",
                f"cmsgpack.unpack_limit({value}, {self.values(2)})",
                f"cmsgpack.unpack_one({packed}, {self.small()})",
                f"cmsgpack.unpack_limit({packed}, {self.small()}, {self.small()})",
                f"cmsgpack.unpack({self.text()})",
                f"struct.pack({form}, {value}, {self.number()}, {self.number()})",
                f"struct.pack({form}, {self.number()}, {self.number()}, {self.number()})",
                f"struct.unpack({form}, {self.text()})",
                f"struct.unpack({form}, {self.text()} .. '\\0\\1\\2\\3\\4\\5\\6\\7\\8', {where})",
                f"struct.size({form})",
            ]
        )


def expression(rng: Random) -> tuple[bytes, ...]:
    """EVAL of an expression: what it gives, or the text of its error; now and then its reply as the server makes it."""
    drawn = Expression(rng).draw()
    if rng.random() < 0.3:
        return (b"EVAL", f"return {drawn}".encode("latin-1"), b"0")
    return (b"EVAL", f"{SHOW}return show({{pcall(function() return {drawn} end)}})".encode("latin-1"), b"0")
