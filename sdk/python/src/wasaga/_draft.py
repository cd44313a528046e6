"""A saga or a TCC before it is looked at, and what putting either together shares: names, signatures, mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wasaga import _labels
from wasaga._fit import misfit
from wasaga._marks import Mark
from wasaga._operation import Operation
from wasaga._rule import Node, Place
from wasaga._signature import Signature, SignatureReader
from wasaga._table import Label, Parameter
from wasaga._types import Types
from wasaga.errors import DefinitionError

# As the host has it.
_NAME_CHARS_MAX = 128


@dataclass(slots=True)
class Found:
    """A decorated function, and how to get at it when it is called.

    Attributes:
        mark: its settings.
        function: what its class or module has under its name; perhaps wrapped by other decorators.
        bind: gives what a call calls.
        bound: whether its first parameter is the object it is called on.
        of: of a confirm or a cancel in the class of its participant, that one's id.
        cls: that class.
    """

    mark: Mark
    function: Callable[..., Any]
    bind: Callable[[], Callable[..., Any]]
    bound: bool
    of: str | None = None
    cls: type | None = None

    @property
    def doc(self) -> str | None:
        """What describes it: of a participant that is a class, the class's words or else those of its try."""
        return (self.cls and self.cls.__doc__) or self.mark.function.__doc__

    @property
    def id(self) -> str:
        """The id of a step or a participant; of the others the name."""
        return self.mark.id

    @property
    def shown(self) -> str:
        """The function, as messages name it."""
        return self.mark.shown


@dataclass(slots=True)
class Draft:
    """A saga or a TCC before it is looked at. `names` are those that type hints may use beside the module's."""

    name: Any
    settings: dict[str, Any]
    doc: str | None
    module: str
    place: str
    found: list[Found]
    names: dict[str, Any] = field(default_factory=dict)


class Assembler:
    """Puts something together and collects what is wrong with it."""

    def __init__(self, kind: str, node: Node, draft: Draft) -> None:
        self.mistakes: list[str] = []
        self.draft = draft
        self.types = Types(draft.names)
        self.nodes = [found for found in draft.found if found.mark.kind == node.kind]
        self.ids = [found.id for found in self.nodes]
        self._kind = kind
        self._node = node

    def end(self) -> None:
        """Say what was wrong.

        Raises:
            DefinitionError: something was; every mistake, with file, line and remedy.
        """
        # Some functions are read more than once, such as one whose participant another module provides.
        mistakes = list(dict.fromkeys(self.mistakes))
        if mistakes:
            count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
            head = f"{self._kind} `{self.draft.name}` has {count}"
            raise DefinitionError("\n  ".join([head, *mistakes]))

    def of_whole(self, what: str) -> None:
        """Note a mistake of the whole."""
        self.mistakes.append(f"{self.draft.place}: {what}")

    def of(self, found: Found) -> Callable[[str], None]:
        """Give what notes a mistake of a function."""

        def note(what: str) -> None:
            self.mistakes.append(f"{found.mark.place}: {found.mark.kind} `{found.shown}`: {what}")

        return note

    def complain(self, name: str, what: str) -> None:
        """Note a mistake of the function that an operation calls."""
        self.mistakes.append(f"{name}: {what}")

    def misfit(
        self, operation: Operation, parameter: Parameter, answered: str | None, *, is_array: bool = False
    ) -> None:
        """Note a parameter that what it is taken from can never be: an answer of this schema, or a header."""
        origin = parameter.origin
        schema, of = answered, f"what `{origin.name}` answers" if origin.name else "what is undone"
        if origin.kind == "header":
            schema, of = '{"type":"string"}', f"header `{origin.name}`"
        wrong = schema and misfit(schema, parameter, is_array=is_array)
        if wrong:
            self.complain(f"{operation.place}: `{operation.name}`", f"parameter `{parameter.name}`: {of} {wrong}")

    def check_names(self) -> None:
        """Look for names that the host would not take, and for none at all."""
        if wrong := _bad_name(self.draft.name):
            self.of_whole(f"its name {wrong}")
        if not self.nodes:
            self.of_whole(f"has no {self._node.kind}s (mark a function with `@{self._node.kind}`)")
        seen: dict[str, Found] = {}
        for found in self.nodes:
            if wrong := _bad_name(found.mark.settings.get("id", found.id)):
                self.of(found)(f"its id {wrong}")
            # In the name of a parameter `-` and `_` are the same.
            same = found.id.replace("-", "_")
            if same in seen:
                self.of(found)(f"the id `{found.id}` is taken by `{seen[same].shown}` (give it another `id`)")
            seen.setdefault(same, found)

    def labels(self, taken: list[tuple[Operation, tuple[Parameter, ...]]], schema: str | None) -> dict[str, Label]:
        """Read the labels of the whole, from what its operations take and the schema of that."""
        origins = [parameter.origin for _, parameters in taken for parameter in parameters]
        is_whole = any(origin.kind == "input" and origin.at is None for origin in origins)
        return _labels.read(self.draft.settings.get("labels"), schema, self.of_whole, is_whole=is_whole)

    def signature(self, found: Found, place: Place) -> Signature:
        """Read a function."""
        return SignatureReader(self.types, self.of(found)).read(found.function, place, bound=found.bound)

    def operation(self, found: Found, signature: Signature) -> Operation:
        """Give what calls a function."""
        return Operation(found.shown, found.mark.place, signature, found.bind, self.types)


def _bad_name(name: Any) -> str | None:
    """Say why something is no name, as the rest of a sentence."""
    if not isinstance(name, str) or not name:
        return f"is {name!r} (a str that is not empty)"
    if len(name) > _NAME_CHARS_MAX:
        return f"has more than {_NAME_CHARS_MAX} characters"
    wrong = next((c for c in name if not (c.isalnum() or c in "-_.")), None)
    return wrong and f"has the character {wrong!r} (letters, digits, `-`, `_` and `.` are allowed)"
