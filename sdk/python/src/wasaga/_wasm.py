"""Reads and writes components and modules of WebAssembly, as far as `_relink` needs it.

The binary formats: https://webassembly.github.io/spec/core/binary/ and the component model's `Binary.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

FUNC, TABLE, MEMORY, GLOBAL = "func", "table", "memory", "global"
_SORTS = {0: FUNC, 1: TABLE, 2: MEMORY, 3: GLOBAL, 0x12: "instance"}
_NUMBERS = {sort: number for number, sort in _SORTS.items()}
_MODULE, _CORE_INSTANCES, _ALIASES, _CANONS = 1, 2, 6, 8

Key = tuple[str, int]
"""Something of a component: its sort, and a number that is its own."""


class UnknownFormError(Exception):
    """A component has a form that this file does not know."""


def leb(value: int, *, signed: bool = False) -> bytes:
    """Write a number."""
    out = bytearray()
    while True:
        low, value = value & 0x7F, value >> 7
        is_last = (value == 0 and not (signed and low & 0x40)) or (signed and value == -1 and bool(low & 0x40))
        out.append(low | (0 if is_last else 0x80))
        if is_last:
            return bytes(out)


def text(value: str) -> bytes:
    """Write a name."""
    return leb(len(value.encode())) + value.encode()


def vector(entries: Iterable[bytes]) -> bytes:
    """Write a list."""
    listed = list(entries)
    return leb(len(listed)) + b"".join(listed)


class _Reader:
    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        value = shift = 0
        while True:
            one = self.byte()
            value |= (one & 0x7F) << shift
            shift += 7
            if one < 0x80:
                return value

    def take(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def text(self) -> str:
        return self.take(self.number()).decode()

    def sections(self) -> list[tuple[int, bytes]]:
        found = []
        while self.at < len(self.data):
            kind = self.byte()
            found.append((kind, self.take(self.number())))
        return found


def constant(expression: bytes) -> int:
    """Read `i32.const`.

    Raises:
        UnknownFormError: it is something else.
    """
    if expression[:1] != b"\x41" or expression[-1:] != b"\x0b":
        raise UnknownFormError("a value is no constant")
    value = _Reader(expression, 1).number()
    bits = 7 * (len(expression) - 2)
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


class Module:
    """One core module.

    Attributes:
        sections: by their number; those of a custom kind under 0, joined.
        imports: module, name, sort, and of a function its type.
    """

    def __init__(self, data: bytes) -> None:
        self._listed = _Reader(data, 8).sections()
        self.sections = dict(self._listed)
        self.imports = self._imports()

    @staticmethod
    def of(sections: dict[int, bytes]) -> bytes:
        """Write a module."""
        return _written([(kind, sections[kind]) for kind in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11) if kind in sections])

    def _imports(self) -> list[tuple[str, str, str, int]]:
        reader, found = _Reader(self.sections.get(2, b"\x00")), []
        for _ in range(reader.number()):
            of, name, sort = reader.text(), reader.text(), _SORTS.get(reader.byte(), "")
            found.append((of, name, sort, self._import(reader, sort)))
        return found

    def _import(self, reader: _Reader, sort: str) -> int:
        if sort == FUNC:
            return reader.number()
        if sort in {TABLE, MEMORY}:
            reader.take(1 if sort == TABLE else 0)
            limits = reader.byte()
            reader.number()
            if limits & 1:
                reader.number()
            if limits > 1:
                raise UnknownFormError("a memory or a table that is shared, or of 64 bits")
        elif sort == GLOBAL:
            reader.take(2)
        else:
            raise UnknownFormError("an import of a sort that is new")
        return 0

    def parameters(self, kind: int) -> int:
        """Count the parameters of a type of functions."""
        reader = _Reader(self.sections[1])
        for at in range(reader.number()):
            if reader.byte() != 0x60:
                raise UnknownFormError("a type that is none of functions")
            count = reader.number()
            reader.take(count)
            reader.take(reader.number())
            if at == kind:
                return count
        raise UnknownFormError("a function has no type")

    def table_entries(self) -> int:
        """Count the functions that it puts into a table that it takes; 0 where it does so in another form."""
        reader = _Reader(self.sections.get(9, b"\x00"))
        takes = any(sort == TABLE for _, _, sort, _ in self.imports)
        if not takes or 4 in self.sections or reader.number() != 1 or reader.take(2) != b"\x00\x23":
            return 0
        reader.number()
        return reader.number() if reader.byte() == 0x0B else 0

    def has_table_and_memory(self) -> bool:
        """Whether it defines one table and one memory, takes functions alone, and leaves the table to others."""
        own = self.sections.get(4, b"")[:1] == b"\x01" and self.sections.get(5, b"")[:1] == b"\x01"
        return own and 9 not in self.sections and 8 not in self.sections and all(of[2] == FUNC for of in self.imports)

    def table(self) -> bytes:
        """Give the type of the only table."""
        return self.sections[4][1:]

    def global_of(self, export: str) -> bytes:
        """Give the expression of a global that is exported."""
        index = next((index for name, sort, index in self._exports() if name == export and sort == GLOBAL), None)
        reader = _Reader(self.sections[6])
        for at in range(reader.number()):
            reader.take(2)
            begin = reader.at
            if reader.byte() not in {0x41, 0x23}:
                raise UnknownFormError("a global that is no constant")
            reader.number()
            if reader.byte() != 0x0B:
                raise UnknownFormError("a global that is no constant")
            if at == index:
                return self.sections[6][begin : reader.at]
        raise UnknownFormError("a global is not exported")

    def _exports(self) -> list[tuple[str, str, int]]:
        reader = _Reader(self.sections.get(7, b"\x00"))
        return [(reader.text(), _SORTS.get(reader.byte(), ""), reader.number()) for _ in range(reader.number())]

    def _exporting(self, sorts: set[str]) -> bytes:
        kept = [of for of in self._exports() if of[1] in sorts]
        return vector(text(name) + bytes([_NUMBERS[sort]]) + leb(index) for name, sort, index in kept)

    def without_functions(self) -> bytes:
        """Give it with its memory, its globals and its data alone."""
        own = {kind: self.sections[kind] for kind in (5, 6, 11) if kind in self.sections}
        return Module.of({**own, 7: self._exporting({MEMORY, GLOBAL})})

    def with_functions_alone(self) -> bytes:
        """Give it with its functions alone; it takes the table."""
        reader = _Reader(self.sections.get(2, b"\x00"))
        count = reader.number()
        taken = text("env") + text("__indirect_function_table") + b"\x01" + self.table()
        own = {kind: self.sections[kind] for kind in (1, 3, 10)}
        imports = leb(count + 1) + self.sections.get(2, b"\x00")[reader.at :] + taken
        return Module.of({**own, 2: imports, 7: self._exporting({FUNC})})

    def with_table(self, table: bytes, base: int) -> bytes:
        """Give it with a table of its own, which it exports, and which its functions begin to fill at `base`."""
        reader, kept = _Reader(self.sections[2]), []
        for _, _, sort, _ in [*self.imports] if reader.number() else []:
            begin = reader.at
            reader.text(), reader.text(), reader.byte()
            self._import(reader, sort)
            if sort != TABLE:
                kept.append(self.sections[2][begin : reader.at])
        entries = _Reader(self.sections[9], 3)
        entries.number(), entries.byte()
        filled = b"\x00\x41" + leb(base, signed=True) + b"\x0b" + self.sections[9][entries.at :]
        exports = _Reader(self.sections[7])
        count = exports.number() + 1
        export = text("__indirect_function_table") + b"\x01\x00"
        changed = {
            2: vector(kept),
            4: b"\x01" + table,
            7: leb(count) + self.sections[7][exports.at :] + export,
            9: b"\x01" + filled,
        }
        listed = [(kind, changed.get(kind, payload)) for kind, payload in self._listed if kind != 4]
        before = next(at for at, (kind, _) in enumerate(listed) if kind > 4 and kind != 0)
        return _written([*listed[:before], (4, changed[4]), *listed[before:]])


def _written(sections: list[tuple[int, bytes]]) -> bytes:
    return b"\0asm\x01\0\0\0" + b"".join(bytes([kind]) + leb(len(payload)) + payload for kind, payload in sections)


@dataclass(eq=False, slots=True)
class Raw:
    """A part that stays as it is."""

    section: int
    payload: bytes


@dataclass(eq=False, slots=True)
class Make:
    """An instance of a module, with what the module takes: names and instances."""

    key: Key
    module: Key
    arguments: list[tuple[str, Key]]


@dataclass(eq=False, slots=True)
class Bag:
    """An instance that is put together of parts of others."""

    key: Key
    entries: list[tuple[str, Key]]


@dataclass(eq=False, slots=True)
class Alias:
    """A part of an instance."""

    key: Key
    sort: str
    instance: Key
    name: str


@dataclass(eq=False, slots=True)
class Canon:
    """A function between the component and a module: texts, and keys that are written between them."""

    key: Key | None
    parts: list[bytes | Key]


Item = Raw | Make | Bag | Alias | Canon


class Component:
    """One component: its parts in their order, with the parts of its modules by keys and not by numbers.

    Attributes:
        items: all but the modules.
        modules: by key.
        defined: the item that defines a key.
    """

    def __init__(self, data: bytes) -> None:
        self.items: list[Item] = []
        self.modules: dict[Key, Module] = {}
        self.defined: dict[Key, Item] = {}
        self._bytes: dict[Key, bytes] = {}
        self._counts: dict[str, int] = {}
        self._head = data[:8]
        self._first_module: int | None = None
        for kind, payload in _Reader(data, 8).sections():
            self._read(kind, payload)

    def new(self, sort: str) -> Key:
        """Give a key of its own."""
        self._counts[sort] = self._counts.get(sort, 0) + 1
        return sort, self._counts[sort] - 1

    def add(self, module: bytes) -> Key:
        """Add a module."""
        key = self.new("module")
        self._bytes[key] = module
        return key

    def replace(self, item: Item, others: Iterable[Item]) -> None:
        """Put others in the place of an item."""
        at = self.items.index(item)
        self.items[at : at + 1] = others

    def move(self, moved: dict[Key, Key]) -> None:
        """Let whatever refers to one instance refer to another."""
        for item in self.items:
            if isinstance(item, Alias):
                item.instance = moved.get(item.instance, item.instance)
            elif isinstance(item, Make):
                item.arguments = [(name, moved.get(key, key)) for name, key in item.arguments]

    def _define(self, sort: str, make: type[Make] | type[Bag] | type[Alias] | type[Canon], *parts: object) -> None:
        key = self.new(sort)
        item: Item = make(key, *parts)  # type: ignore[arg-type]
        self.items.append(item)
        self.defined[key] = item

    def _read(self, kind: int, payload: bytes) -> None:
        if kind == _MODULE:
            if self._first_module is None:
                self._first_module = len(self.items)
            key = self.add(payload)
            self.modules[key] = Module(payload)
            return
        if kind not in {_CORE_INSTANCES, _ALIASES, _CANONS}:
            if kind == 3:
                raise UnknownFormError("types of core modules")
            self.items.append(Raw(kind, payload))
            return
        reader = _Reader(payload)
        read = {_CORE_INSTANCES: self._instance, _ALIASES: self._alias, _CANONS: self._canon}[kind]
        for _ in range(reader.number()):
            read(reader)

    def _instance(self, reader: _Reader) -> None:
        if reader.byte() == 0:
            module = ("module", reader.number())
            arguments = []
            for _ in range(reader.number()):
                name, _, index = reader.text(), reader.byte(), reader.number()
                arguments.append((name, ("instance", index)))
            self._define("instance", Make, module, arguments)
        else:
            entries = []
            for _ in range(reader.number()):
                name, sort, index = reader.text(), _SORTS[reader.byte()], reader.number()
                entries.append((name, (sort, index)))
            self._define("instance", Bag, entries)

    def _alias(self, reader: _Reader) -> None:
        begin = reader.at
        if reader.byte() == 0:
            sort, target = _SORTS.get(reader.byte(), ""), reader.byte()
            if target != 1 or sort not in {FUNC, TABLE, MEMORY, GLOBAL}:
                raise UnknownFormError("an alias of another form")
            index = reader.number()
            self._define(sort, Alias, sort, ("instance", index), reader.text())
            return
        if reader.byte() == 0:
            reader.number(), reader.text()
        else:
            reader.number(), reader.number()
        self.items.append(Raw(_ALIASES, b"\x01" + reader.data[begin : reader.at]))

    def _canon(self, reader: _Reader) -> None:
        kind = reader.byte()
        if kind in {2, 3, 4}:
            self._define(FUNC, Canon, [bytes([kind]) + leb(reader.number())])
            return
        if kind not in {0, 1} or reader.byte() != 0:
            raise UnknownFormError("a function between the component and a module of another form")
        index = reader.number()
        parts: list[bytes | Key] = [bytes([kind, 0]), (FUNC, index) if kind == 0 else leb(index)]
        count = reader.number()
        parts.append(leb(count))
        for _ in range(count):
            option = reader.byte()
            parts.append(bytes([option]))
            if option in {3, 4, 5, 7}:
                parts.append((MEMORY if option == 3 else FUNC, reader.number()))
            elif option not in {0, 1, 2, 6}:
                raise UnknownFormError("an option of another form")
        if kind == 1:
            self._define(FUNC, Canon, parts)
        else:
            self.items.append(Canon(None, [*parts, leb(reader.number())]))

    def written(self) -> bytes:
        """Write it."""
        numbers: dict[Key, int] = {}
        counts: dict[str, int] = {}

        def define(key: Key) -> None:
            numbers[key] = counts.get(key[0], 0)
            counts[key[0]] = numbers[key] + 1

        used = {item.module for item in self.items if isinstance(item, Make)}
        out = bytearray(self._head)
        for at, item in enumerate(self.items):
            if at == self._first_module:
                for key in (key for key in self._bytes if key in used):
                    define(key)
                    out += bytes([_MODULE]) + leb(len(self._bytes[key])) + self._bytes[key]
            kind, payload = self._item(item, numbers)
            if not isinstance(item, Raw) and item.key is not None:
                define(item.key)
            out += bytes([kind]) + leb(len(payload)) + payload
        return bytes(out)

    def _item(self, item: Item, numbers: dict[Key, int]) -> tuple[int, bytes]:
        match item:
            case Raw(section, payload):
                return section, payload
            case Make(_, module, arguments):
                taken = [text(name) + b"\x12" + leb(numbers[key]) for name, key in arguments]
                return _CORE_INSTANCES, b"\x01\x00" + leb(numbers[module]) + vector(taken)
            case Bag(_, entries):
                listed = [text(name) + bytes([_NUMBERS[key[0]]]) + leb(numbers[key]) for name, key in entries]
                return _CORE_INSTANCES, b"\x01\x01" + vector(listed)
            case Alias(_, sort, instance, name):
                of = bytes([0, _NUMBERS[sort], 1]) + leb(numbers[instance])
                return _ALIASES, b"\x01" + of + text(name)
            case Canon(_, parts):
                written = [part if isinstance(part, bytes) else leb(numbers[part]) for part in parts]
                return _CANONS, b"\x01" + b"".join(written)
