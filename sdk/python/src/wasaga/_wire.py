"""Between the SDK's words and the classes that componentize-py makes of the contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from componentize_py_types import Err
from wit_world.imports import call, config, transaction
from wit_world.imports import log as host_log
from wit_world.imports import wasaga_guest_types as types

from wasaga import _wasi_http, context
from wasaga._host import Failed
from wasaga._json import write
from wasaga._types import Mismatch
from wasaga.call import Failure, Forward
from wasaga.errors import Error, WriteError, told

_LEVELS = {name: getattr(host_log.Level, name.upper()) for name in ("trace", "debug", "info", "warn", "error")}


class Host:
    """The host that has loaded the component."""

    transaction_id = staticmethod(call.transaction_id)
    idempotency_key = staticmethod(call.idempotency_key)
    attempt = staticmethod(call.attempt)
    item = staticmethod(call.item)
    deadline = staticmethod(call.deadline)
    token = staticmethod(call.token)
    headers = staticmethod(transaction.headers)
    config = staticmethod(config.get)
    send = staticmethod(_wasi_http.send)

    @staticmethod
    def last_failure() -> Failed | None:
        """Say why the attempt before this one failed."""
        failed = call.last_failure()
        return None if failed is None else (failed.code, failed.message, failed.details)

    @staticmethod
    def header(name: str) -> str | None:
        """Give a header."""
        value: str | None = transaction.header(_whole(name))
        return value

    @staticmethod
    def set_header(name: str, value: str | None) -> None:
        """Set a header, or remove it."""
        _written(transaction.set_header, _whole(name), None if value is None else _whole(value))

    @staticmethod
    def variable(name: str) -> str | None:
        """Give the JSON text of a variable."""
        value: str | None = transaction.variable(_whole(name))
        return value

    @staticmethod
    def set_variable(name: str, value: str | None) -> None:
        """Set a variable to a JSON text, or remove it."""
        _written(transaction.set_variable, _whole(name), value)

    @staticmethod
    def publish(event: str) -> None:
        """Publish an event, a JSON text."""
        _written(transaction.publish, event)

    @staticmethod
    def log(level: str, message: str, fields: list[tuple[str, str]]) -> None:
        """Write a line of the log."""
        host_log.log(_LEVELS[level], _whole(message), [(_whole(name), _whole(value)) for name, value in fields])


def _written(write: Callable[..., None], *what: str | None) -> None:
    """Write something of the transaction.

    Raises:
        WriteError: the host does not take it.
    """
    try:
        write(*what)
    except Err as refused:
        why = refused.value
        code = "too-much" if isinstance(why, transaction.WriteError_TooMuch) else "invalid"
        raise WriteError(code, why.value) from None


def _whole(text: str) -> str:
    """Replace half characters, which no host could take."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def forward(of: Any) -> Forward:
    """Read what is known of a step or a try."""
    if isinstance(of, types.Forward_Completed):
        return Forward("completed", of.value)
    if isinstance(of, types.Forward_Rejected):
        failed = of.value
        details = None if failed.details is None else json.loads(failed.details)
        return Forward("rejected", None, Failure(failed.code, failed.message, details))
    return Forward("unknown")


def error(raised: Error) -> Any:
    """Write an error."""
    of = told(raised)
    if of.kind == "pending":
        return types.Error_Pending(types.Pending(of.after_ms or 0, _text(of.token)))
    failure = types.Failure(_whole(of.code), _whole(of.message), _text(of.details))
    if of.kind == "rejected":
        return types.Error_Rejected(failure)
    retry = types.Retry(failure, of.after_ms)
    return types.Error_Retryable(retry) if of.kind == "retryable" else types.Error_Unknown(retry)


def _text(of: Any) -> str | None:
    """Write details, or a token; what cannot be JSON is left out."""
    if of is None:
        return None
    try:
        return write(context.plain(of))
    except (Mismatch, RecursionError, ValueError):
        return None
