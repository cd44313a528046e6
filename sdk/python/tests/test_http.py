"""Requests, with a test in the partner's place."""

from typing import Any

import pytest

from wasaga import Call, Rejected, Retryable, Unknown, config, http

AFTER_MS_MAX = 30 * 24 * 3_600 * 1_000


def sample() -> Call:
    return Call.sample().with_idempotency_key("the-key")


def test_a_request_says_what_was_asked_for():
    seen = []

    def partner(request: http.Request) -> http.Response:
        seen.append(request)
        return http.Response(201, {"location": "/x"}, b'{"id": 7}')

    with http.fake(partner):
        answer = http.post(
            "https://api.example.com/charges",
            json={"cents": 5},
            headers={"Authorization": http.bearer("bank")},
            timeout="2s",
            idempotent=sample(),
        )
    assert answer.raise_for_status().json() == {"id": 7}
    (request,) = seen
    assert (request.method, request.content, request.timeout_ms) == ("POST", b'{"cents":5}', 2_000)
    assert dict(request.headers) == {
        "authorization": "Bearer {{secret:bank}}",
        "content-type": "application/json",
        "idempotency-key": "the-key",
    }
    with pytest.raises(http.NotSent, match=r"wasaga\.http\.fake"):
        http.get("https://api.example.com")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (404, Rejected),
        (302, Unknown),
        (303, Unknown),
        (304, Unknown),
        (307, Rejected),
        (308, Rejected),
        (425, Retryable),
        (429, Retryable),
        (408, Unknown),
        (503, Unknown),
        (500, Unknown),
        (504, Unknown),
    ],
)
def test_a_status_says_what_was_done(status: int, kind: type[Exception]):
    """S3: 2xx alone is success. S4: what a gateway may say is unknown."""
    with pytest.raises(kind) as raised:
        http.Response(status, {}, b"no").raise_for_status()
    assert raised.value.code == f"http-{status}"
    assert raised.value.message == f"the answer was {status} no"
    assert raised.value.after_ms is None


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_a_partner_puts_it_off(status: int):
    """S4: with `retry-after`, or by the guest's word, nothing was done."""
    with pytest.raises(Retryable) as raised:
        http.Response(status, {"retry-after": "7"}).raise_for_status()
    assert raised.value.after_ms == 7_000
    with pytest.raises(Retryable):
        http.Response(status).raise_for_status(nothing_done=[408, 503])
    with pytest.raises(Unknown):
        http.Response(500, {"retry-after": "7"}).raise_for_status()


@pytest.mark.parametrize(
    ("text", "after_ms"),
    [
        ("9" * 400, AFTER_MS_MAX),
        ("9" * 4_000, AFTER_MS_MAX),
        ("99999999999999999999", AFTER_MS_MAX),
        ("0" * 400 + "7", 7_000),
        ("2592001", AFTER_MS_MAX),
        ("Fri, 31 Dec 9999 23:59:59 GMT", AFTER_MS_MAX),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("soon", None),
        ("-1", None),
        ("\u0661", None),
    ],
)
def test_a_retry_after_of_any_kind(text: str, after_ms: int | None):
    """U10: 20 nines overflowed. A host takes 30 days at most."""
    with pytest.raises(Retryable) as raised:
        http.Response(429, {"retry-after": text}).raise_for_status()
    assert raised.value.after_ms == after_ms


def test_where_a_redirect_leads_is_told():
    """S3: a `POST http://…` that is sent on to `https://` is no success. S16: what the new URL hides is not told."""
    with pytest.raises(Rejected, match=r"308, a redirect to `https://a\.example`, which is not followed"):
        http.Response(308, {"location": "https://u:p@a.example/t0ken?k=v"}).raise_for_status()


def sent(url: str, **options: Any) -> http.Request:
    seen = []

    def partner(request: http.Request) -> http.Response:
        seen.append(request)
        return http.Response(200)

    with http.fake(partner):
        http.request("POST", url, **options)
    return seen[0]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", "https://a.example/"),
        ("https://a.example/a b?c d", "https://a.example/a%20b?c%20d"),
        ("https://a.example/t\u00e9e/%20?q=t\u00e9", "https://a.example/t%C3%A9e/%20?q=t%C3%A9"),
        ("https://b\u00fccher.example:8443/#part", "https://xn--bcher-kva.example:8443/"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
    ],
)
def test_a_url_goes_out_as_one(url: str, expected: str):
    """U16: a space was `NoneType` and tried again; letters beyond ASCII went out as they were."""
    assert sent(url).url == expected


@pytest.mark.parametrize(
    "url",
    ["", "a.example", "ftp://a", "https://", "https://a:x/", "https://a b/", "https://me:it@a/", "https://a/\ud800"],
)
def test_a_url_that_is_none_is_refused_for_good(url: str):
    """U16: it would never get better, and nothing was sent."""
    with pytest.raises(http.Invalid):
        sent(url)


@pytest.mark.parametrize(
    "url", ["ftp://me:pa55@a/t0ken?k=va1ue", "https://a:x/t0ken?k=va1ue", "https:///t0ken?k=va1ue"]
)
def test_a_url_is_shown_without_what_is_secret_in_it(url: str):
    """S16: whole URLs stood in failures."""
    with pytest.raises(http.Invalid) as raised:
        sent(url)
    assert not any(hidden in raised.value.message for hidden in ("pa55", "t0ken", "va1ue")), raised.value.message


def test_one_content_type():
    """U16: an own one went out beside that of JSON."""
    request = sent("https://a.example", json={"a": 1}, headers={"Content-Type": "application/ld+json"})
    assert [value for name, value in request.headers if name == "content-type"] == ["application/ld+json"]
    form = sent("https://a.example/?a=1", form={"b": "c d"}, query={"q": ["x y", 2]})
    assert (form.content, form.url) == (b"b=c+d", "https://a.example/?a=1&q=x%20y&q=2")
    assert dict(form.headers)["content-type"] == "application/x-www-form-urlencoded"


def test_a_body_that_cannot_be_sent_is_refused_for_good():
    """Nothing was sent, and it would never get better."""
    with pytest.raises(http.Invalid, match="the body cannot be JSON: at /a: nan"):
        sent("https://a.example", json={"a": float("nan")})
    with pytest.raises(http.Invalid, match="and 8388608 are the most"):
        sent("https://a.example", content=bytes((8 << 20) + 1))


def test_what_was_not_sent_did_not_happen():
    assert isinstance(http.Denied("x"), Rejected)
    assert isinstance(http.NotSent("x"), Retryable)
    assert isinstance(http.NoAnswer("x"), Unknown)
    with pytest.raises(Unknown, match="is not JSON"):
        http.Response(200, {}, b"no").json()
    with pytest.raises(ValueError, match="not both"):
        http.post("https://a.example", content=b"", json={})


def test_values_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("currency", "EUR")
    assert config.get("currency") == "EUR"
    assert config.get("none") is None
