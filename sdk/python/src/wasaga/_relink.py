"""Rewrites a component so that instances of it are made faster: Python's table of functions is filled when it is used.

componentize-py leaves Python a library that is linked to others when an instance is made. The table of functions,
through which C calls by pointer, belongs to a module beside it, so the host fills in Python's 5,000 entries each time.
A host that sees the table and its entries in one module fills them in one by one, as they are used. So here the table
moves into Python's module, and that module is instantiated before all others that take the table. What it takes itself
from those others it gets as small functions that jump through a table of their own, which is filled at the end.

Nothing in the code of Python changes, and no module knows of it. A component of another form is left as it is.
Deliberately absent: validation; whoever loads a component does that.
"""

from __future__ import annotations

from wasaga._wasm import (
    FUNC,
    GLOBAL,
    MEMORY,
    TABLE,
    Alias,
    Bag,
    Component,
    Key,
    Make,
    Module,
    UnknownFormError,
    constant,
    leb,
    text,
    vector,
)

_TABLE = "__indirect_function_table"
_ENTRIES_MIN = 1_000
"""A module with fewer functions in the table is not worth it."""


def relink(component: bytes) -> bytes:
    """Give a component that does the same, and is instantiated faster; or the same, where its form is not known."""
    try:
        return _Relinked(Component(component)).written()
    except UnknownFormError:
        return component


class _Relinked:
    """A component under way.

    Attributes:
        main: the instance that has the memory, the table and the globals.
        python: the one whose functions fill the table.
    """

    def __init__(self, component: Component) -> None:
        self._component = component
        makes = [item for item in component.items if isinstance(item, Make)]
        modules = {make.key: component.modules[make.module] for make in makes}
        python = [make for make in makes if modules[make.key].table_entries() >= _ENTRIES_MIN]
        main = [make for make in makes if modules[make.key].has_table_and_memory()]
        if len(python) != 1 or len(main) != 1:
            raise UnknownFormError("there is no module to move the table to")
        self._python, self._main = python[0], main[0]
        self._of_python, self._of_main = modules[self._python.key], modules[self._main.key]

    def written(self) -> bytes:
        """Rewrite it."""
        component = self._component
        values, jumps = component.add(self._of_main.without_functions()), component.add(self._jumps())
        python = component.add(self._of_python.with_table(self._of_main.table(), self._table_base()))
        functions, filling = component.add(self._of_main.with_functions_alone()), component.add(self._filling())
        self._first(values, jumps, python, functions)
        self._last(filling)
        self._share()
        component.move({self._python.key: self._early})
        return component.written()

    def _share(self) -> None:
        """Let what took a part of the main instance, or the whole, take it from those that are in its place."""
        now = {FUNC: self._functions, TABLE: self._early, MEMORY: self._values, GLOBAL: self._values}
        for item in list(self._component.items):
            if isinstance(item, Alias) and item.instance == self._main.key:
                item.instance = now[item.sort]
            if not isinstance(item, Make) or self._main.key not in [key for _, key in item.arguments]:
                continue
            before: list[Alias | Bag] = []
            for at, (of, key) in enumerate(item.arguments):
                if key == self._main.key:
                    wanted = [found for found in self._component.modules[item.module].imports if found[0] == of]
                    parts = [Alias(self._component.new(one[2]), one[2], now[one[2]], one[1]) for one in wanted]
                    bag = Bag(self._component.new("instance"), [(part.name, part.key) for part in parts])
                    before += [*parts, bag]
                    item.arguments[at] = (of, bag.key)
            self._component.replace(item, [*before, item])

    def _table_base(self) -> int:
        """Give the place of Python's functions in the table."""
        entry = self._taken()["env", "__table_base"]
        return constant(self._of_main.global_of(self._alias(entry).name))

    def _taken(self) -> dict[tuple[str, str], Key]:
        """Give what Python's module takes, by module and name."""
        bags = {item.key: item for item in self._component.items if isinstance(item, Bag)}
        return {(name, of): key for name, bag in self._python.arguments for of, key in bags[bag].entries}

    def _alias(self, key: Key) -> Alias:
        alias = self._component.defined.get(key)
        if not isinstance(alias, Alias):
            raise UnknownFormError("something that is taken is no part of an instance")
        return alias

    def _functions_taken(self) -> list[tuple[str, str, int]]:
        """Give the functions that Python's module takes: module, name and type."""
        return [(of, name, kind) for of, name, sort, kind in self._of_python.imports if sort == FUNC]

    def _jumps(self) -> bytes:
        """Make the module of functions that jump to what Python takes."""
        taken = self._functions_taken()
        count = len(taken)
        bodies = []
        for place, (_, _, kind) in enumerate(taken):
            gets = b"".join(b"\x20" + leb(at) for at in range(self._of_python.parameters(kind)))
            body = b"\x00" + gets + b"\x41" + leb(place, signed=True) + b"\x11" + leb(kind) + b"\x00\x0b"
            bodies.append(leb(len(body)) + body)
        exports = [text(str(at)) + b"\x00" + leb(at) for at in range(count)] + [text("table") + b"\x01\x00"]
        sections = {
            1: self._of_python.sections[1],
            3: vector(leb(kind) for _, _, kind in taken),
            4: vector([b"\x70\x00" + leb(count)]),
            7: vector(exports),
            10: vector(bodies),
        }
        return Module.of(sections)

    def _filling(self) -> bytes:
        """Make the module that fills the table of these functions."""
        taken = self._functions_taken()
        imports = [text("") + text(str(at)) + b"\x00" + leb(kind) for at, (_, _, kind) in enumerate(taken)]
        imports.append(text("") + text("table") + b"\x01\x70\x00" + leb(len(taken)))
        filled = b"\x00\x41\x00\x0b" + vector(leb(at) for at in range(len(taken)))
        return Module.of({1: self._of_python.sections[1], 2: vector(imports), 9: vector([filled])})

    def _first(self, values: Key, jumps: Key, python: Key, functions: Key) -> None:
        """Put what comes in the place of the main instance: its values, the jumps, Python, its functions."""
        new = self._component.new
        taken = self._taken()
        self._values, jump = new("instance"), new("instance")
        self._early, self._functions = new("instance"), new("instance")
        items: list[Make | Alias | Bag] = [Make(self._values, values, []), Make(jump, jumps, [])]
        entries: dict[str, list[tuple[str, Key]]] = {}
        place = 0
        for of, name, sort, _ in self._of_python.imports:
            if sort == TABLE:
                continue
            key = new(sort)
            if sort == FUNC:
                items.append(Alias(key, sort, jump, str(place)))
                place += 1
            else:
                source = self._alias(taken[of, name])
                if source.instance != self._main.key or sort not in {MEMORY, GLOBAL}:
                    raise UnknownFormError("Python takes a value of another module")
                items.append(Alias(key, sort, self._values, source.name))
            entries.setdefault(of, []).append((name, key))
        bags = {of: new("instance") for of in entries}
        items += [Bag(bags[of], entries[of]) for of in entries]
        items.append(Make(self._early, python, list(bags.items())))
        table, bag = new(TABLE), new("instance")
        items += [Alias(table, TABLE, self._early, _TABLE), Bag(bag, [(_TABLE, table)])]
        items.append(Make(self._functions, functions, [*self._main.arguments, ("env", bag)]))
        self._jump = jump
        self._component.replace(self._main, items)

    def _last(self, filling: Key) -> None:
        """Put what comes in the place of Python's instance: the filling of what it jumps through."""
        new = self._component.new
        taken = self._taken()
        entries = [(str(at), taken[of, name]) for at, (of, name, _) in enumerate(self._functions_taken())]
        table, bag, made = new(TABLE), new("instance"), new("instance")
        alias, all_ = Alias(table, TABLE, self._jump, "table"), Bag(bag, [*entries, ("table", table)])
        self._component.replace(self._python, [alias, all_, Make(made, filling, [("", bag)])])
