"""Requests to the outside, in the manner of httpx.

A guest reaches what its module asks for, `module(http=["https://api.example.com"])`, and the operator grants.
The host keeps connections, speaks TLS, and ends a request with the call's deadline.

    answer = http.post("https://api.example.com/charges", json={"cents": 500}, idempotent=call)
    receipt = answer.raise_for_status().json()["receipt"]

What goes wrong decides what the host does next: a request that was not sent is `Retryable`, or `Rejected`
where it is not allowed; one that was sent and not answered is `Unknown`, for it may have happened.
`Response.raise_for_status` does the same for statuses. Under pytest `fake` answers in the partner's place.

Deliberately absent: redirects, for each is a request that has to be allowed; and decompression.
"""

from __future__ import annotations

import json as _json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wasaga import _host
from wasaga._json import write
from wasaga._units import milliseconds
from wasaga.errors import Rejected, Retryable, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wasaga._units import Duration
    from wasaga.call import Call

IDEMPOTENCY_KEY = "idempotency-key"
"""The header that partners know a repeated request by (IETF draft `idempotency-key-header`)."""
_SHOWN = 500
_RETRYABLE = (408, 425, 429, 503)


class Denied(Rejected):
    """It may not go there; the transaction's record says what has to be granted."""

    def __init__(self, message: str) -> None:
        super().__init__("http-denied", message)


class NotSent(Retryable):
    """It was not sent: nobody is there, or the URL is wrong."""

    def __init__(self, message: str) -> None:
        super().__init__("http-not-sent", message)


class NoAnswer(Unknown):
    """It was sent, or a part of it, and there is no answer: it may have happened."""

    def __init__(self, message: str) -> None:
        super().__init__("http-no-answer", message)


@dataclass(frozen=True, slots=True)
class Request:
    """A request, as it is sent.

    Attributes:
        method: such as `POST`.
        url: with scheme, host and path.
        headers: in the order in which they were given.
        content: the body.
        timeout_ms: how long the answer may take, within the call's deadline.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""
    timeout_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, read whole.

    Attributes:
        status_code: such as 200.
        headers: with their names in small letters; of those that stand several times the last.
        content: the body.
    """

    status_code: int
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 is replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Read the body as JSON.

        Raises:
            Unknown: it is none. The request was answered, so it may have happened.
        """
        try:
            return _json.loads(self.content)
        except ValueError as error:
            raise Unknown("bad-answer", f"the answer is not JSON: {error}") from None

    def raise_for_status(self) -> Response:
        """Give the answer itself where its status is below 400.

        Raises:
            Retryable: 408, 425, 429 and 503, not before `retry-after` where that is in seconds.
            Rejected: the other 4xx.
            Unknown: the other 5xx.
        """
        if self.status_code < 400:
            return self
        code = f"http-{self.status_code}"
        message = f"the answer was {self.status_code} {self.content[:_SHOWN].decode('utf-8', 'replace')}".rstrip()
        if self.status_code in _RETRYABLE:
            after = self.headers.get("retry-after", "").strip()
            raise Retryable(code, message, after=int(after) if after.isdecimal() else None)
        raise (Rejected if self.status_code < 500 else Unknown)(code, message)


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | str | None = None,
    json: Any = None,
    timeout: Duration | None = None,
    idempotent: Call | None = None,
) -> Response:
    """Send a request, and read the whole answer.

    Args:
        method: such as `POST`.
        url: with scheme, host and path.
        headers: what else goes with it.
        content: the body.
        json: the body, as JSON.
        timeout: how long the answer may take; the call's deadline holds in any case.
        idempotent: the call whose idempotency key goes with it, by which a partner knows a repeated request.

    Raises:
        Denied: it may not go there.
        NotSent: nobody is there, or the URL is wrong.
        NoAnswer: it was sent and not answered.
        ValueError: both `content` and `json` were given.
    """
    if content is not None and json is not None:
        raise ValueError("give `content` or `json`, not both")
    sent = [(name.lower(), value) for name, value in (headers or {}).items()]
    if json is not None:
        content = write(json)
        sent.append(("content-type", "application/json"))
    if idempotent is not None:
        sent.append((IDEMPOTENCY_KEY, idempotent.idempotency_key))
    body = content.encode() if isinstance(content, str) else content or b""
    timeout_ms = None if timeout is None else milliseconds(timeout)
    return _host.host().send(Request(method.upper(), url, tuple(sent), body, timeout_ms))


def get(url: str, **options: Any) -> Response:
    """Read; options as for `request`."""
    return request("GET", url, **options)


def post(url: str, **options: Any) -> Response:
    """Create, or do; options as for `request`."""
    return request("POST", url, **options)


def put(url: str, **options: Any) -> Response:
    """Replace; options as for `request`."""
    return request("PUT", url, **options)


def delete(url: str, **options: Any) -> Response:
    """Remove; options as for `request`."""
    return request("DELETE", url, **options)


def secret(name: str) -> str:
    """Give a secret's placeholder, for a header.

    The host puts the text in its place on the way, towards the secret's own origins only.
    """
    return f"{{{{secret:{name}}}}}"


def bearer(name: str) -> str:
    """Give a secret as an `authorization` header takes it."""
    return f"Bearer {secret(name)}"


@contextmanager
def fake(answer: Callable[[Request], Response]) -> Iterator[None]:
    """Answer in the partner's place, in a test: in this thread, within the `with`."""
    before = _host.native.partner
    _host.native.partner = answer
    try:
        yield
    finally:
        _host.native.partner = before
