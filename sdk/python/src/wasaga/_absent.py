"""What a component does not have, and what to use in its place: sockets, threads, packages of machine code.

Without this a socket traps, and a missing module is told in words that lead nowhere.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

NO_SOCKETS = "a step has no sockets (use `wasaga.http`, for what `module(http=…)` asks for)"
ONE_THREAD = "a component has one thread: write `async` functions, or a step with `each`"

_MODULES = {
    "ssl": "the host speaks TLS: use `wasaga.http`",
    "httpcore": "httpx and its like need sockets: use `wasaga.http`, which is called in the same manner",
    "httpx": "it needs sockets: use `wasaga.http`, which is called in the same manner",
    "requests": "it needs sockets: use `wasaga.http`, which is called in the same manner",
    "aiohttp": "it needs sockets: use `wasaga.http`, which is called in the same manner",
    "urllib3": "it needs sockets: use `wasaga.http`",
    "ctypes": "a component has no code of the machine's",
    "concurrent": ONE_THREAD,
    "multiprocessing": "a component is one process: use a step with `each`",
    "subprocess": "a component is one process",
    "pydantic_core": "pydantic 2 is compiled for a machine: use dataclasses, or pydantic 1 by `--path`",
    "numpy": "it is compiled for a machine: use `statistics`, `math` and lists, or do it in a Rust guest",
    "pandas": "it is compiled for a machine: use `statistics` and lists, or do it in a Rust guest",
    "cryptography": "it is compiled for a machine: use `hashlib` and `hmac`, or do it in a Rust guest",
    "bz2": "a component has `zlib` only",
    "lzma": "a component has `zlib` only",
    "zoneinfo": "a component has no table of time zones: use `datetime.timezone` with the offset",
}
_MISSING = re.compile(r"No module named '_?(?P<name>\w+)")


def of_module(said: str) -> str | None:
    """Say what to use in the place of a module that is missing, from what its `ImportError` says."""
    found = _MISSING.search(said)
    return found and _MODULES.get(found["name"])


def refuse(*_: Any, **__: Any) -> NoReturn:
    """Stand in the place of what opens a socket, or looks up a name.

    Raises:
        PermissionError: always.
    """
    raise PermissionError(NO_SOCKETS)


def close() -> None:
    """Put `refuse` in the place of what would trap. Called in a component, before the user's file is imported."""
    import socket

    for name in ("create_connection", "create_server", "getaddrinfo", "gethostbyname", "gethostbyaddr", "socketpair"):
        if hasattr(socket, name):
            setattr(socket, name, refuse)
    # A class is what others derive from, so it stays one.
    socket.socket.__init__ = refuse  # type: ignore[method-assign]
