"""Requests to the outside, in the manner of httpx.

A guest reaches what its module asks for, `module(http=["https://api.example.com"])`, and the operator grants.
The host keeps connections, speaks TLS, and ends a request with the call's deadline.

    answer = http.post("https://api.example.com/charges", json={"cents": 500}, idempotent=call)
    receipt = answer.raise_for_status().json()["receipt"]

What goes wrong decides what the host does next: a request that was not sent is `Retryable`, or `Rejected`
where it is not allowed or cannot be sent; one that was sent and not answered is `Unknown`, for it may have happened.
`Response.raise_for_status` does the same for statuses. Under pytest `fake` answers in the partner's place.

Deliberately absent: redirects, for each is a request that has to be allowed; and decompression.
"""

from __future__ import annotations

import json as _json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from wasaga import _host
from wasaga._json import write
from wasaga._types import Mismatch, Types
from wasaga._units import milliseconds
from wasaga.errors import Rejected, Retryable, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from wasaga._units import Duration
    from wasaga.call import Call

_types = Types()

IDEMPOTENCY_KEY = "idempotency-key"
"""The header that partners know a repeated request by (IETF draft `idempotency-key-header`)."""
_BODY_BYTES_MAX = 8 << 20
"""Of a request; the host takes no more."""
_SHOWN = 500
_AFTER_MAX = 30.0 * 24 * 3_600
"""Seconds of the longest wait that a host takes from a guest."""
_REFUSED = (425, 429)
"""What a partner says instead of doing anything."""
_MAYBE = (408, 503)
"""What a gateway may say after the partner was reached; with `retry-after` the partner itself has put it off."""
_ELSEWHERE = (307, 308)
"""Redirects that say: nothing was done here, send the same there. The others may follow what was done."""


class Denied(Rejected):
    """It may not go there; the transaction's record says what has to be granted."""

    def __init__(self, message: str) -> None:
        super().__init__("http-denied", message)


class Invalid(Rejected):
    """It cannot be sent to anybody: the URL is wrong, or a header or the method is."""

    def __init__(self, message: str) -> None:
        super().__init__("http-invalid", message)


class NotSent(Retryable):
    """It was not sent: nobody is there, or too many requests are in flight at once."""

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

    def raise_for_status(self, *, nothing_done: Iterable[int] = ()) -> Response:
        """Give the answer itself where its status is 2xx.

        Args:
            nothing_done: statuses with which this partner has done nothing for certain, such as 503.

        Raises:
            Retryable: 425 and 429; 408 and 503 with a `retry-after`; those of `nothing_done`. It is not tried before
                `retry-after`, and 30 days are the most.
            Rejected: the other 4xx, and 307 and 308, which say that it is to be sent elsewhere.
            Unknown: everything else. A gateway says 503 also where the partner was reached, and a partner
                may answer what it did by 303.
        """
        status = self.status_code
        if 200 <= status < 300:
            return self
        code = f"http-{status}"
        message = f"the answer was {status} {self.content[:_SHOWN].decode('utf-8', 'replace')}".rstrip()
        if 300 <= status < 400 and (elsewhere := self.headers.get("location")):
            message += f", a redirect to `{_shown(elsewhere)}`, which is not followed"
        after = _retry_after(self.headers.get("retry-after", ""))
        if status in (*_REFUSED, *nothing_done) or (status in _MAYBE and after is not None):
            raise Retryable(code, message, after=after)
        if status in _ELSEWHERE or (400 <= status < 500 and status not in _MAYBE):
            raise Rejected(code, message)
        raise Unknown(code, message, after=after)


def _retry_after(text: str) -> float | None:
    """Read a `retry-after`: seconds, or a date (RFC 9110, 10.2.3). Whatever a partner says, it is 30 days at most."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        # More digits than that are more seconds than that, and so many are no float.
        return min(float(text.lstrip("0")[:20] or 0), _AFTER_MAX)
    try:
        then = datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return None
    return min(max(0.0, then.timestamp() - time.time()), _AFTER_MAX)


def _url(url: str) -> str:
    """Give a URL as it is sent: what is no part of one, such as a space or a letter beyond ASCII, is encoded.

    Raises:
        Invalid: it is none.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Invalid(f"`{_shown(url)}` is no URL: {error}") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise Invalid(f"`{_shown(url)}` is no URL with `https://` or `http://` and a host")
    if parts.username is not None or parts.password is not None:
        raise Invalid("a URL with a user or a password is not sent (say it by a header, and by `http.secret`)")
    try:
        name = f"[{host}]" if ":" in host else host if host.isascii() else host.encode("idna").decode()
    except UnicodeError as error:
        raise Invalid(f"`{host}` is no name of a host: {error}") from None
    if any(c in name for c in " <>\\^`{|}%"):
        raise Invalid(f"`{host}` is no name of a host")
    where = name if port is None else f"{name}:{port}"
    try:
        path, query = quote(parts.path, _PATH), quote(parts.query, _QUERY)
    except UnicodeEncodeError:
        raise Invalid("the URL has half a character (a lone surrogate)") from None
    return urlunsplit((parts.scheme, where, path or "/", query, ""))


def _shown(url: str) -> str:
    """Give the scheme and the host of a URL, as errors may show them: the rest may hold what nobody should read."""
    scheme, found, rest = url.partition("://")
    host = re.split(r"[/?#\\]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}"[:_SHOWN] if found else "the URL"


_PATH = "/%:@!$&'()*+,;=-._~"
_QUERY = f"{_PATH}?"
"""What stays as it is: what may stand there (RFC 3986, 3.3 and 3.4), and `%`, for what is encoded already."""


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | str | None = None,
    json: Any = None,
    form: Mapping[str, Any] | None = None,
    query: Mapping[str, Any] | None = None,
    timeout: Duration | None = None,
    idempotent: Call | None = None,
) -> Response:
    """Send a request, and read the whole answer.

    Args:
        method: such as `POST`.
        url: with scheme, host and path.
        headers: what else goes with it.
        content: the body.
        json: the body, as JSON; anything that a step may answer.
        form: the body, as a form.
        query: what goes after `?`, beside what the URL has.
        timeout: how long the answer may take; the call's deadline holds in any case.
        idempotent: the call whose idempotency key goes with it, by which a partner knows a repeated request.

    Raises:
        Denied: it may not go there.
        Invalid: the URL is wrong, or the body is too large or cannot be JSON.
        NotSent: nobody is there, or too many requests are in flight at once.
        NoAnswer: it was sent and not answered.
        ValueError: more than one body was given.
    """
    if sum(body is not None for body in (content, json, form)) > 1:
        raise ValueError("give one of `content`, `json` and `form`, not both")
    address = _url(url)
    if query:
        address += ("&" if "?" in address else "?") + urlencode(query, doseq=True, quote_via=quote)
    sent = [(name.lower(), value) for name, value in (headers or {}).items()]
    if json is not None:
        content = write(_plain(json))
        if all(name != "content-type" for name, _ in sent):
            sent.append(("content-type", "application/json"))
    if form is not None:
        content = urlencode(form, doseq=True)
        if all(name != "content-type" for name, _ in sent):
            sent.append(("content-type", "application/x-www-form-urlencoded"))
    if idempotent is not None:
        sent.append((IDEMPOTENCY_KEY, idempotent.idempotency_key))
    body = content.encode() if isinstance(content, str) else content or b""
    if len(body) > _BODY_BYTES_MAX:
        raise Invalid(f"the body has {len(body)} bytes, and {_BODY_BYTES_MAX} are the most")
    timeout_ms = None if timeout is None else milliseconds(timeout)
    return _host.host().send(Request(method.upper(), address, tuple(sent), body, timeout_ms))


def _plain(value: Any) -> Any:
    """Give a value as plain JSON values.

    Raises:
        Invalid: it cannot be JSON.
    """
    try:
        return _types.any.encode(value)
    except Mismatch as mismatch:
        raise Invalid(f"the body cannot be JSON: {mismatch}") from None


def get(url: str, **options: Any) -> Response:
    """Read; options as for `request`."""
    return request("GET", url, **options)


def post(url: str, **options: Any) -> Response:
    """Create, or do; options as for `request`."""
    return request("POST", url, **options)


def put(url: str, **options: Any) -> Response:
    """Replace; options as for `request`."""
    return request("PUT", url, **options)


def patch(url: str, **options: Any) -> Response:
    """Change a part; options as for `request`."""
    return request("PATCH", url, **options)


def head(url: str, **options: Any) -> Response:
    """Read the headers alone; options as for `request`."""
    return request("HEAD", url, **options)


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
