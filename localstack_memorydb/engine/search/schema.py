"""What FT.CREATE declares: the fields of an index, and the keys that it covers.

https://docs.aws.amazon.com/memorydb/latest/devguide/vector-search-commands-ft.create.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from localstack_memorydb.engine.errors import CommandError, WrongArity, printable
from localstack_memorydb.engine.numbers import parse_float, parse_int_in
from localstack_memorydb.engine.resp import Argv

MOST_FIELDS: Final = 50
MOST_DIMENSIONS: Final = 32768
_MOST_EDGES: Final = 512
_MOST_CANDIDATES: Final = 4096
_MOST_VECTORS: Final = 1 << 32

METRICS: Final = ("L2", "IP", "COSINE")


@dataclass(frozen=True, slots=True)
class Field:
    """A column of an index. `identifier` is where its value stands in a key, `name` is what queries call it."""

    identifier: bytes
    name: bytes

    @property
    def kind(self) -> str:
        """The type's name as FT.CREATE spells it."""
        return type(self).__name__.removesuffix("Field").upper()


@dataclass(frozen=True, slots=True)
class NumericField(Field):
    """A number."""


@dataclass(frozen=True, slots=True)
class TextField(Field):
    """Any bytes. They can be returned and aggregated, not searched."""


@dataclass(frozen=True, slots=True)
class TagField(Field):
    """Labels, separated by a character; of any case unless told otherwise."""

    separator: str = ","
    case_sensitive: bool = False


@dataclass(frozen=True, slots=True)
class VectorField(Field):
    """A vector of 32-bit floats. `edges` and the numbers of candidates are those of HNSW."""

    algorithm: str
    dimensions: int
    metric: str
    initial_capacity: int = 1024
    edges: int = 16
    ef_construction: int = 200
    ef_runtime: int = 10


@dataclass(frozen=True, slots=True)
class Definition:
    """An index as it was declared. `declared` is the command line, from which it can be made again."""

    name: bytes
    key_type: str
    prefixes: tuple[bytes, ...]
    fields: tuple[Field, ...]
    declared: tuple[bytes, ...]

    def find(self, name: bytes) -> Field | None:
        """The field of that name, or with that identifier."""
        for field in self.fields:
            if field.name == name:
                return field
        return next((field for field in self.fields if field.identifier == name), None)


class Words:
    """The arguments of a command, read one after the other. Running out of them is an error of the arity."""

    def __init__(self, argv: Argv, at: int) -> None:
        self._argv = argv
        self._at = at
        self._name = argv[0].upper().decode("latin-1")

    def __bool__(self) -> bool:
        return self._at < len(self._argv)

    def next(self) -> bytes:
        """The next argument. Raises WrongArity."""
        if self._at >= len(self._argv):
            raise WrongArity(self._name)
        self._at += 1
        return self._argv[self._at - 1]

    def take(self, count: int) -> list[bytes]:
        """That many arguments. Raises WrongArity."""
        return [self.next() for _ in range(count)]

    def keyword(self) -> str:
        """The next argument in upper case."""
        return self.next().upper().decode("latin-1")

    def accept(self, *words: str) -> bool:
        """Whether the next argument is one of the words, which is then passed over."""
        found = self._at < len(self._argv) and self._argv[self._at].upper().decode("latin-1") in words
        self._at += found
        return found

    def integer(self, what: str, low: int, high: int) -> int:
        """The next argument as a number. Raises CommandError."""
        return parse_int_in(self.next(), low, high, f"ERR {what} must be a number between {low} and {high}")


def parse_definition(argv: Argv) -> Definition:
    """Reads the command line of FT.CREATE. Raises CommandError."""
    words = Words(argv, 1)
    name, key_type, prefixes = words.next(), "HASH", []
    while not words.accept("SCHEMA"):
        option = words.keyword()
        if option == "ON":
            key_type = words.keyword()
            if key_type not in {"HASH", "JSON"}:
                raise CommandError(f"ERR Invalid index type: {key_type}; it must be HASH or JSON")
        elif option == "PREFIX":
            prefixes = words.take(words.integer("PREFIX count", 1, 1 << 16))
        elif option == "SCORE":  # redis-py always sends one, and it has no effect
            parse_float(words.next(), "ERR Invalid SCORE")
        else:
            raise CommandError(f"ERR Unknown argument: {printable(option.encode('latin-1'))}")
    fields = [_field(words)]
    while words:
        fields.append(_field(words))
        if any(fields[-1].name == each.name for each in fields[:-1]):
            raise CommandError(f"ERR Field {printable(fields[-1].name)} already exists")
    if len(fields) > MOST_FIELDS:
        raise CommandError(f"ERR An index cannot have more than {MOST_FIELDS} fields")
    return Definition(name, key_type, tuple(prefixes), tuple(fields), tuple(argv))


def _field(words: Words) -> Field:
    identifier = words.next()
    name = words.next() if words.accept("AS") else identifier
    kind = words.keyword()
    if kind == "NUMERIC":
        return NumericField(identifier, name)
    if kind == "TAG":
        return _tag(words, identifier, name)
    if kind == "TEXT":
        if words.accept("WEIGHT"):  # redis-py always sends one, and it has no effect
            parse_float(words.next(), "ERR Invalid WEIGHT")
        return TextField(identifier, name)
    if kind == "VECTOR":
        return _vector(words, identifier, name)
    raise CommandError(f"ERR Invalid field type for field {printable(identifier)}: {kind}")


def _tag(words: Words, identifier: bytes, name: bytes) -> TagField:
    separator, case_sensitive = ",", False
    while True:
        if words.accept("SEPARATOR"):
            separator = words.next().decode("utf-8", "surrogateescape")
            if len(separator) != 1:
                raise CommandError("ERR The TAG separator must be a single character")
        elif words.accept("CASESENSITIVE"):
            case_sensitive = True
        else:
            return TagField(identifier, name, separator, case_sensitive)


def _vector(words: Words, identifier: bytes, name: bytes) -> VectorField:
    algorithm = words.keyword()
    if algorithm not in {"HNSW", "FLAT"}:
        raise CommandError(f"ERR Invalid vector algorithm: {algorithm}; it must be HNSW or FLAT")
    count = words.integer("The number of vector attributes", 0, 1 << 16)
    if count % 2:
        raise CommandError("ERR Vector attributes must be pairs of a name and a value")
    given: dict[str, str | int] = {}
    for _ in range(count // 2):
        attribute = words.keyword()
        if attribute in given:
            raise CommandError(f"ERR Vector attribute {attribute} is given twice")
        given[attribute] = _attribute(words, algorithm, attribute)
    missing = [each for each in ("DIM", "DISTANCE_METRIC", "TYPE") if each not in given]
    if missing:
        raise CommandError(f"ERR Missing {missing[0]} parameter of vector field {printable(name)}")
    return VectorField(
        identifier,
        name,
        algorithm,
        int(given["DIM"]),
        str(given["DISTANCE_METRIC"]),
        int(given.get("INITIAL_CAP", 1024)),
        int(given.get("M", 16)),
        int(given.get("EF_CONSTRUCTION", 200)),
        int(given.get("EF_RUNTIME", 10)),
    )


def _attribute(words: Words, algorithm: str, attribute: str) -> str | int:
    numbers = {"DIM": (1, MOST_DIMENSIONS), "INITIAL_CAP": (1, _MOST_VECTORS)}
    if algorithm == "HNSW":
        numbers |= {
            "M": (2, _MOST_EDGES),
            "EF_CONSTRUCTION": (1, _MOST_CANDIDATES),
            "EF_RUNTIME": (1, _MOST_CANDIDATES),
        }
    if attribute in numbers:
        return words.integer(attribute, *numbers[attribute])
    choices = {"TYPE": ("FLOAT32",), "DISTANCE_METRIC": METRICS}.get(attribute)
    if choices is None:
        raise CommandError(f"ERR Unknown vector attribute for {algorithm}: {attribute}")
    chosen = words.keyword()
    if chosen not in choices:
        raise CommandError(f"ERR Invalid {attribute}: {chosen}; it must be {' or '.join(choices)}")
    return chosen
