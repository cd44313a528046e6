"""What the decorators share: they leave functions as they are, note what is said of them, and find it again.

Nothing is checked before the whole saga or TCC is there, and then everything at once: when the class is
complete, or at the `saga(…)` or `tcc(…)` below the functions of a module.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wasaga import _marks
from wasaga._draft import Draft, Found
from wasaga._marks import Mark, Scope
from wasaga.errors import DefinitionError

# What a frame of a decorator has as its module.
_OURS = {"wasaga._decorate", "wasaga.decorators", "wasaga.tccs"}


@dataclass(frozen=True, slots=True)
class Whole:
    """What takes the marked functions of a class or a module.

    Attributes:
        word: its decorator, `saga` or `tcc`.
        name: of one, for people.
        nodes: what it consists of.
        kinds: the kinds of marks that it takes.
        suffixes: no part of a name that is made of a class's.
        keep: puts a draft together and keeps what comes of it.
    """

    word: str
    name: str
    nodes: str
    kinds: tuple[str, ...]
    suffixes: tuple[str, ...]
    keep: Callable[[Draft], None]


def mark(kind: str, function: Any, settings: dict[str, Any], known: str, *, classes: bool = False) -> Any:
    """Mark a function, or give what marks one; where it may be, a class.

    Raises:
        DefinitionError: it is not a function, or marked already.
        TypeError: there is no such setting.
    """
    refuse_unknown(f"@{kind}", settings, known)

    def put(decorated: Any) -> Any:
        frame = _caller()
        is_class = classes and isinstance(decorated, type)
        plain = decorated if is_class else _marks.plain(decorated)
        if plain is None:
            where = "on a function or a class" if classes else "on a function"
            remedy = f" (write `@{kind}({_naming(kind)}={decorated!r})`)" if isinstance(decorated, str) else ""
            raise DefinitionError(f"{_place(frame)}: `@{kind}` belongs {where}, not on {decorated!r}{remedy}")
        if _marks.ATTRIBUTE in vars(plain) and _marks.of(plain) is not None and not hasattr(plain, "__wrapped__"):
            one = "one step or one compensation" if kind in _marks.SAGA else "one participant, confirm or cancel"
            what = f"`{plain.__qualname__}` is marked twice (a function is {one})"
            raise DefinitionError(f"{_class_place(frame) if is_class else _marks.place(plain)}: {what}")
        scope = _marks.scope_of(frame)
        _above(scope)
        said = {name: value for name, value in settings.items() if value is not None}
        site = _class_place(frame) if is_class else _place(frame)
        _marks.put(Mark(kind, plain, said, scope, site, plain.__name__))
        return decorated

    return put if function is None else put(function)


def given(arguments: dict[str, Any]) -> dict[str, Any]:
    """Give the settings among a decorator's own arguments, with those that there are not."""
    settings = {name: value for name, value in arguments.items() if name not in {"function", "name", "unknown"}}
    return {**settings, **arguments["unknown"]}


def _naming(kind: str) -> str:
    """Give the setting that a name in a decorator stands for."""
    return "id" if kind in {"step", "participant"} else "of"


def refuse_unknown(of: str, settings: dict[str, Any], known: str) -> None:
    """Refuse a setting that there is not, with what is meant by it elsewhere.

    Raises:
        TypeError: there is no such setting.
    """
    for name, value in settings.items():
        if name not in known.split(", "):
            meant = _marks.WORDS.get(name)
            remedy = f"write `{meant.format(value)}`" if meant else f"there are: {known}"
            raise TypeError(f"`{name}` is not a setting of `{of}` ({remedy})")


def _caller() -> Any:
    """Give the frame that has called into this package's decorators."""
    frame: Any = sys._getframe(1)
    while frame.f_globals.get("__name__") in _OURS:
        frame = frame.f_back
    return frame


def _place(frame: Any) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _class_place(frame: Any) -> str:
    """Give the line of the class that is decorated in a frame."""
    return f"{frame.f_code.co_filename}:{_marks.below(frame.f_code.co_filename, frame.f_lineno, ('class ',))}"


def place() -> str:
    """Give the file and the line where a decorator, or a function beside them, is called."""
    return _place(_caller())


def module() -> str:
    """Give the name of the module that calls."""
    return str(_caller().f_globals.get("__name__", "__main__"))


def _above(scope: Scope) -> None:
    """Complain of a `saga(…)` or `tcc(…)` above the functions of a module: it took nothing."""
    waiting = _marks.waiting.get(scope[0])
    if waiting is not None and not scope[1]:
        del _marks.waiting[scope[0]]
        what = f"in a module, `{waiting.word}(…)` stands below its {waiting.nodes}"
        raise DefinitionError(f"{waiting.place}: {what} (move it to the end of the file)")


def collect(whole: Whole, name: Any, settings: dict[str, Any], known: str) -> Any:
    """Make a whole: of a class, as its decorator; of a module's functions, as a call below them.

    Raises:
        DefinitionError: it makes no sense; every mistake, with file, line and remedy.
        TypeError: there is no such setting.
    """
    refuse_unknown(whole.word, settings, known)
    frame = _caller()
    place = _place(frame)
    if isinstance(name, type):
        return _of_class(whole, name, None, settings, (place, frame.f_locals))
    scope = _marks.scope_of(frame)
    if _marks.has(scope, whole.kinds):
        return _of_functions(whole, scope, name, settings, (place, dict(frame.f_locals)))
    _marks.waiting[scope[0]] = _marks.Waiting(place, whole.word, whole.nodes)

    def decorate(cls: Any) -> Any:
        _marks.waiting.pop(scope[0], None)
        if not isinstance(cls, type):
            raise DefinitionError(f"{place}: `@{whole.word}` belongs on a class, not on {cls!r}")
        return _of_class(whole, cls, name, settings, (place, frame.f_locals))

    return decorate


def _of_functions(
    whole: Whole, scope: Scope, name: Any, settings: dict[str, Any], at: tuple[str, dict[str, Any]]
) -> Callable[[Any], Any]:
    place, names = at
    module = sys.modules.get(scope[0])
    named = {id(mark): of for of, mark in _marks.by_name(names).items()}
    marks = _marks.take(scope, whole.kinds)
    found = [one for mark in marks for one in _found_function(mark, named.get(id(mark)), names)]
    doc = settings.pop("description", None) or (module.__doc__ if module and not scope[1] else None)
    if name is None:
        name = scope[0].rpartition(".")[2].replace("_", "-")
    whole.keep(Draft(name, settings, doc, scope[0], place, found, names))

    def refuse(cls: Any) -> Any:
        what = f"the {whole.nodes} above `{cls.__name__}` belong to no {whole.name}"
        raise DefinitionError(f"{place}: {what} (put a `{whole.word}(…)` below them)")

    return refuse


def _found_function(mark: Mark, name: str | None, names: dict[str, Any]) -> list[Found]:
    """Find what the scope has under the function's name, for other decorators may have wrapped it."""
    if name is None:
        _refuse_hidden(mark, _marks.of(names.get(mark.name)))
    mark.name = name or mark.name
    current = names[mark.name]
    if isinstance(current, type):
        return _of_participant(mark, current)
    function: Callable[..., Any] = getattr(current, "__func__", current)
    return [Found(mark, function, lambda: function, bound=False)]


def _of_class(whole: Whole, cls: type, name: Any, settings: dict[str, Any], at: tuple[str, dict[str, Any]]) -> type:
    place, names = at
    settings = dict(settings)
    doc = settings.pop("description", None) or cls.__dict__.get("__doc__")
    if name is None:
        name = _name(cls.__name__, whole.suffixes)
    own = _marks.take((cls.__module__, cls.__qualname__))
    make = _once(cls)
    marked = sorted(_marked(cls).items(), key=lambda of: of[1].serial)
    for attribute, mark in marked:
        mark.name = attribute
    _check_marks(whole, cls, own, [mark for _, mark in marked], place)
    _check_class(cls, place)
    found = [one for attribute, mark in marked for one in _found_method(cls, attribute, mark, make)]
    whole.keep(Draft(name, settings, doc, cls.__module__, place, found, {**names, cls.__name__: cls}))
    return cls


def _name(cls: str, suffixes: tuple[str, ...]) -> str:
    for suffix in suffixes:
        cls = cls.removesuffix(suffix) or cls
    return _marks.kebab(cls)


def _once(cls: type) -> Callable[[], Any]:
    """Give what makes an object of a class, once."""
    instance: list[Any] = []

    def make() -> Any:
        if not instance:
            instance.append(cls())
        return instance[0]

    return make


def _marked(cls: type) -> dict[str, Mark]:
    """Give the marked attributes, those of base classes included."""
    attributes: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        attributes.update(vars(base))
    return _marks.by_name(attributes)


def _found_method(cls: type, attribute: str, mark: Mark, make: Callable[[], Any]) -> list[Found]:
    static = inspect.getattr_static(cls, attribute)
    if isinstance(static, type):
        return _of_participant(mark, static)
    function = getattr(static, "__func__", static)
    bound = not isinstance(static, staticmethod)
    return [Found(mark, function, lambda: getattr(make(), attribute), bound=bound)]


def _of_participant(mark: Mark, cls: type) -> list[Found]:
    """Find the three methods of a participant that is a class.

    Raises:
        DefinitionError: it has no try, a method is marked as what it is not, or it cannot be made.
    """
    whose = f"{mark.place}: participant `{mark.shown}`"
    own = _marks.take((cls.__module__, cls.__qualname__))
    for inner in own:
        if inner.kind not in {"confirm", "cancel"}:
            what = (
                f"{inner.kind} `{inner.shown}` stands in a participant (its try is the method `try_`, without a mark)"
            )
            raise DefinitionError(f"{inner.place}: {what}")
        if inner.name != inner.kind:
            what = f"{inner.kind} `{inner.shown}`: in a participant's class this method has the name `{inner.kind}`"
            raise DefinitionError(f"{inner.place}: {what}")
    if inspect.getattr_static(cls, "try_", None) is None:
        raise DefinitionError(f"{whose}: has no try (write a method `try_`)")
    _check_class(cls, mark.place)
    make, scope = _once(cls), (cls.__module__, cls.__qualname__)
    found = []
    for name, kind in (("try_", "participant"), ("confirm", "confirm"), ("cancel", "cancel")):
        static = inspect.getattr_static(cls, name, None)
        if static is None:
            continue  # Said when the whole is put together: it may be a function elsewhere.
        function = getattr(static, "__func__", static)
        said = _marks.of(static)
        settings = {"id": mark.id, **mark.settings} if name == "try_" else dict(said.settings if said else {})
        inner = Mark(kind, function, settings, scope, _marks.place(function), name)
        bind = _bind(make, name)
        of = None if name == "try_" else mark.id
        found.append(Found(inner, function, bind, bound=not isinstance(static, staticmethod), of=of, cls=cls))
    return found


def _bind(make: Callable[[], Any], name: str) -> Callable[[], Any]:
    return lambda: getattr(make(), name)


def _check_marks(whole: Whole, cls: type, own: list[Mark], reached: list[Mark], place: str) -> None:
    """Refuse what would lose a step or a participant silently.

    Raises:
        DefinitionError: a marked function is hidden, or belongs elsewhere.
    """
    for mark in reached:
        if mark.kind not in whole.kinds:
            other = "saga" if mark.kind in _marks.SAGA else "tcc"
            what = (
                f"{mark.kind} `{mark.shown}` stands in a class with `@{whole.word}` (it belongs in one with `@{other}`)"
            )
            raise DefinitionError(f"{mark.place}: {what}")
    for mark in own:
        if not any(mark is other for other in reached):
            _refuse_hidden(mark, next((other for other in reached if other.name == mark.name), None))
    for base in cls.__mro__[1:]:
        for name, mark in _marks.by_name(dict(vars(base))).items():
            if _marks.of(inspect.getattr_static(cls, name)) is None:
                what = f"`{cls.__name__}.{name}` replaces a {mark.kind}"
                raise DefinitionError(f"{place}: {what} (mark it with `@{mark.kind}` too)")


def _check_class(cls: type, place: str) -> None:
    """Refuse a class that cannot be made.

    Raises:
        DefinitionError: it wants arguments.
    """
    try:
        inspect.signature(cls).bind()
    except TypeError as error:
        what = f"`{cls.__name__}()` must do without arguments, for the host makes it"
        raise DefinitionError(f"{place}: {what}: {error}") from None
    except ValueError:  # A class without a signature that can be read.
        return


def _refuse_hidden(mark: Mark, twin: Mark | None) -> None:
    """Refuse a marked function that cannot be reached by its name.

    Raises:
        DefinitionError: always.
    """
    if twin is not None:
        raise DefinitionError(f"{mark.place}: `{mark.name}` is defined again at {twin.place} (rename one)")
    raise DefinitionError(
        f"{mark.place}: {mark.kind} `{mark.shown}` is hidden by what took its name, such as a decorator "
        f"above it (put `@{mark.kind}` on top, or use `functools.wraps` in that decorator)"
    )
