"""Requests by `wasi:http`, in a component."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from componentize_py_types import Err
from wit_world.imports import outgoing_handler
from wit_world.imports import wasi_http_types as wit
from wit_world.imports.streams import StreamError_Closed

from wasaga.http import Denied, Invalid, NoAnswer, NotSent, Request, Response

_CHUNK = 4_096
_METHODS = {
    name.upper(): getattr(wit, f"Method_{name}")()
    for name in ("Get", "Head", "Post", "Put", "Delete", "Options", "Patch")
}
_DENIED = ("HttpRequestDenied", "DestinationIpProhibited")
_UNSENT = (
    "DnsTimeout",
    "DnsError",
    "DestinationNotFound",
    "DestinationUnavailable",
    "DestinationIpUnroutable",
    "ConnectionRefused",
    "ConnectionTimeout",
    "ConnectionLimitReached",
    "TlsProtocolError",
    "TlsCertificateError",
    "ConfigurationError",
)
_INVALID = (
    "HttpRequestUriInvalid",
    "HttpRequestUriTooLong",
    "HttpRequestMethodInvalid",
    "HttpRequestBodySize",
    "HttpRequestHeaderSize",
    "HttpRequestHeaderSectionSize",
)


def send(request: Request) -> Response:
    """Send a request, and read the whole answer."""
    outgoing, options = _prepare(request)
    try:
        body = outgoing.body()
        answer = outgoing_handler.handle(outgoing, options)
    except Err as error:
        # What is wrong at once is wrong with the request itself, and nothing of it was sent.
        what = "its `content-length` is wrong" if error.value is None else _name(error.value)
        told = None if error.value is None else _told(error.value)
        if told is None or isinstance(told, NoAnswer):
            told = Invalid(f"the request cannot be sent: {what}")
        raise told from None
    lost = _write(body, request.content)
    with answer.subscribe() as ready:
        ready.block()
    got = answer.get()
    if got is None or isinstance(got, Err):
        raise lost or NoAnswer("the host gave none")
    if isinstance(got.value, Err):
        raise _told(got.value.value)
    return _read(got.value.value)


def _prepare(request: Request) -> tuple[Any, Any]:
    url = urlsplit(request.url)
    schemes = {"https": wit.Scheme_Https, "http": wit.Scheme_Http}
    entries = [(name, value.encode()) for name, value in request.headers]
    if request.content and all(name != "content-length" for name, _ in entries):
        entries.append(("content-length", str(len(request.content)).encode()))
    try:
        outgoing = wit.OutgoingRequest(wit.Fields.from_list(entries))
        outgoing.set_method(_METHODS.get(request.method) or wit.Method_Other(request.method))
        outgoing.set_scheme(schemes[url.scheme]())
        outgoing.set_authority(url.netloc)
        outgoing.set_path_with_query((url.path or "/") + (f"?{url.query}" if url.query else ""))
        options = None
        if request.timeout_ms is not None:
            options = wit.RequestOptions()
            span = request.timeout_ms * 1_000_000
            options.set_connect_timeout(span)
            options.set_first_byte_timeout(span)
            options.set_between_bytes_timeout(span)
    except Err as error:
        what = "" if error.value is None else f": {_name(error.value)}"
        raise Invalid(
            f"{request.method} {url.scheme}://{url.netloc} cannot be sent, as a part of it is wrong{what}"
        ) from None
    return outgoing, options


def _write(body: Any, content: bytes) -> NoAnswer | None:
    try:
        if content:
            with body.write() as stream:
                for start in range(0, len(content), _CHUNK):
                    stream.blocking_write_and_flush(content[start : start + _CHUNK])
        wit.OutgoingBody.finish(body, None)
    except Err:
        # Why it broke off is in the answer, where there is one.
        return NoAnswer("the body could not be sent whole")
    return None


def _read(response: Any) -> Response:
    status = response.status()
    with response.headers() as fields:
        headers = {name.lower(): value.decode("utf-8", "replace") for name, value in fields.entries()}
    parts = []
    with response.consume() as body, body.stream() as stream:
        while True:
            try:
                parts.append(stream.blocking_read(16 * _CHUNK))
            except Err as error:
                if isinstance(error.value, StreamError_Closed):
                    break
                code = wit.http_error_code(error.value.value)
                why = error.value.value.to_debug_string() if code is None else _name(code)
                raise NoAnswer(f"the answer, of status {status}, did not come whole: {why}") from None
    return Response(status, headers, b"".join(parts))


def _name(code: Any) -> str:
    return type(code).__name__.rpartition("_")[2]


def _told(code: Any) -> Exception:
    name = _name(code)
    if name in _DENIED:
        what = "did not send it" if name == "HttpRequestDenied" else "does not connect to that address"
        return Denied(f"the request is not allowed: the host {what}")
    if name == "ConnectionLimitReached":
        return NotSent("the request was not sent: too many requests are in flight at once")
    if name in _INVALID:
        return Invalid(f"the request cannot be sent: {name}")
    if name in _UNSENT:
        return NotSent(f"the request was not sent: {name}")
    return NoAnswer(f"there is no answer: {name}")
