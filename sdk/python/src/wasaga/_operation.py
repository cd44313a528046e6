"""Runs one function: arguments from JSON, the result to JSON, and any end of it as a typed error."""

from __future__ import annotations

import inspect
import json
import json.scanner
from collections.abc import Callable
from decimal import Decimal
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from wasaga import _outcome
from wasaga._json import write
from wasaga._signature import NOTHING
from wasaga._types import Codec, Mismatch, Types
from wasaga.call import Call, Forward
from wasaga.errors import Error, Pending, Rejected, Unknown, told

if TYPE_CHECKING:
    from wasaga._signature import Signature

# Of the decoder what is left without looking for white space, which the host does not send.
_scanner: Any = json.scanner.make_scanner
_read = _scanner(json.JSONDecoder())
_read_exact = _scanner(json.JSONDecoder(parse_float=Decimal))


class Operation:
    """One function of a saga or a TCC, ready to be called.

    Attributes:
        name: what messages call it.
        place: its file and line.
        takes_call: whether it has a parameter for the call.
        plain: whether it has no parameters at all.
        target: the function, bound where it is a method; None until someone needs it.
    """

    __slots__ = (
        "_arguments",
        "_bind",
        "_is_nullable",
        "_keywords",
        "_output",
        "_types",
        "name",
        "place",
        "plain",
        "takes_call",
        "target",
    )

    def __init__(
        self, name: str, place: str, signature: Signature, bind: Callable[[], Callable[..., Any]], types: Types
    ) -> None:
        self.name = name
        self.place = place
        self.target: Callable[..., Any] | None = None
        self.takes_call = any(argument.special == "call" for argument in signature.arguments)
        self.plain = not signature.arguments
        self._bind = bind
        self._types = types
        self._output: Codec = signature.output
        self._is_nullable = signature.output.nullable
        self._arguments = [argument for argument in signature.arguments if argument.keyword is None]
        self._keywords = [argument for argument in signature.arguments if argument.keyword is not None]

    def prepare(self) -> Callable[..., Any]:
        """Do what can be done before the first call: make the object that a method is called on."""
        if self.target is None:
            self.target = self._bind()
            if inspect.iscoroutinefunction(inspect.unwrap(self.target)):
                from wasaga import _loop

                _loop.prepare()
        return self.target

    def answer(self, arguments: str, forward: Forward | None = None, call: Call | None = None) -> str:
        """Call the function with the arguments object, and give its result as a JSON text.

        Args:
            arguments: a JSON text.
            forward: what is known of what is undone, confirmed or cancelled.
            call: in a test; without it the host is asked.

        Raises:
            Error: what the function raised. Whatever is no `Error` is an `Unknown` with the code
                `error`, and what cannot be read is `Rejected` with `bad-argument`.
        """
        try:
            target = self.target or self.prepare()
            if self.plain:
                result = target()
            else:
                if call is None and self.takes_call:
                    call = Call()
                result = self._call(target, arguments, forward, call)
            if type(result) is CoroutineType:
                from wasaga import _loop

                result = _loop.run(result)
            if result is None and self._is_nullable:
                return "null"
            return self._text(result)
        except Pending as pending:
            raise self._pending(pending) from None
        except Error:
            raise
        except BaseException as raised:
            raise _outcome.untyped(raised) from raised

    def _call(self, target: Callable[..., Any], text: str, forward: Forward | None, call: Call | None) -> Any:
        try:
            arguments, _ = (_read_exact if self._types.exact else _read)(text, 0)
        except (ValueError, StopIteration, RecursionError) as error:
            raise Rejected("bad-arguments", str(error)) from error
        values = [self._value(argument, arguments, call, forward) for argument in self._arguments]
        if self._keywords:
            named = {of.keyword or "": self._value(of, arguments, call, forward) for of in self._keywords}
            return target(*values, **named)
        return target(*values)

    def _pending(self, pending: Pending) -> Error:
        """Give what a `Pending` is: one whose token is lost would wait for nothing."""
        token = told(pending).token
        try:
            write(self._types.any.encode(token))
        except (Mismatch, RecursionError, ValueError) as error:
            return Unknown("bad-token", f"the token of what `{self.name}` waits for cannot be JSON: {error}")
        return pending

    def _tried(self, argument: Any, forward: Forward | None) -> Any:
        """Give what the try answered, or a part of it; the default, or else null, where there is nothing."""
        text = None if forward is None else forward.text
        try:
            value = NOTHING if text is None else json.loads(text, parse_float=Decimal if self._types.exact else None)
            for key in argument.at:
                value = _member(value, key)
            if value is NOTHING:
                if argument.default is not NOTHING:
                    return argument.default
                value = None
            return argument.codec.decode(value)
        except (Mismatch, ValueError, RecursionError) as wrong:
            raise Rejected("bad-output", f"what was tried, for parameter `{argument.key}`: {wrong}") from None

    def _value(self, argument: Any, arguments: dict[str, Any], call: Call | None, forward: Forward | None) -> Any:
        if argument.special:
            if argument.special == "tried":
                return self._tried(argument, forward)
            return call if argument.special == "call" else forward
        # One that has no value is left out, and null is a value like any other.
        value = arguments.get(argument.key, NOTHING)
        if value is NOTHING:
            if argument.default is not NOTHING:
                return argument.default
            value = None
        try:
            return argument.codec.decode(value)
        except Mismatch as mismatch:
            raise Rejected("bad-argument", f"parameter `{argument.key}`: {mismatch}") from None

    def _text(self, result: Any) -> str:
        # The work is done by now, so nothing here is a rejection.
        try:
            text = write(self._output.encode(result))
        except Mismatch as mismatch:
            raise self._bad_output(str(mismatch)) from None
        except RecursionError:
            raise self._bad_output("it contains itself, or is nested too deeply") from None
        except UnicodeEncodeError as error:  # A ValueError as well, so it comes first.
            raise self._bad_output(f"a str in it has half a character (a lone surrogate): {error}") from None
        except ValueError as error:
            raise self._bad_output(f"a number in it cannot be written: {error}") from None
        return text

    def _bad_output(self, why: str) -> Unknown:
        what = f"what `{self.name}` returned cannot be its answer"
        return Unknown("bad-output", f"{what}: {why} ({_outcome.shown(self.place)})")


def _member(value: Any, key: str) -> Any:
    """Give a part of a JSON value by one key of a JSON Pointer; `NOTHING` where it has none."""
    if isinstance(value, dict):
        return value.get(key, NOTHING)
    if isinstance(value, list) and key.isascii() and key.isdigit() and key == str(int(key)) and int(key) < len(value):
        return value[int(key)]
    return NOTHING
