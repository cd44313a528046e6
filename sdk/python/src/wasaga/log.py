"""Lines in the host's log; each carries the transaction, the step and the attempt.

    log.info("charged", receipt="r-1")

The standard `logging` module ends there as well, with its levels and its `extra` as fields, and what
is printed goes to the log as stdout. Under pytest lines go to the logger `wasaga`, where `caplog` finds
them.
"""

from __future__ import annotations

import logging
from typing import Any

from wasaga._host import host

# What every record has; anything else in it came with `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def trace(message: str, /, **fields: Any) -> None:
    """Write a line for following every move."""
    write("trace", message, fields)


def debug(message: str, /, **fields: Any) -> None:
    """Write a line for finding mistakes."""
    write("debug", message, fields)


def info(message: str, /, **fields: Any) -> None:
    """Write a line that a reader of the log wants to know."""
    write("info", message, fields)


def warn(message: str, /, **fields: Any) -> None:
    """Write a line about something odd."""
    write("warn", message, fields)


def error(message: str, /, **fields: Any) -> None:
    """Write a line about something wrong."""
    write("error", message, fields)


def write(level: str, message: str, fields: dict[str, Any]) -> None:
    """Write a line with fields at a level: `trace`, `debug`, `info`, `warn` or `error`."""
    host().log(level, str(message), [(name, str(value)) for name, value in fields.items()])


class Handler(logging.Handler):
    """Takes the records of the standard `logging` module to the host."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as one line; its traceback, if there is one, is a field."""
        try:
            fields = {name: value for name, value in vars(record).items() if name not in _OWN}
            if record.name != "root":
                fields = {"logger": record.name, **fields}
            if record.exc_info:
                fields["traceback"] = logging.Formatter().formatException(record.exc_info)
            write(level_of(record.levelno), record.getMessage(), fields)
        except Exception:
            self.handleError(record)


def level_of(number: int) -> str:
    """Give the host's level for one of `logging`."""
    for least, level in ((logging.ERROR, "error"), (logging.WARNING, "warn"), (logging.INFO, "info")):
        if number >= least:
            return level
    return "debug" if number >= logging.DEBUG else "trace"


def install() -> None:
    """Send all of `logging` to the host, from INFO unless the guest has said otherwise.

    Handlers that would print the same line to stdout or stderr go, such as `basicConfig` makes.
    """
    root = logging.getLogger()
    for handler in list(root.handlers):
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)
    root.addHandler(Handler())
    if root.level == logging.WARNING:  # What it is when nobody has said anything.
        root.setLevel(logging.INFO)
