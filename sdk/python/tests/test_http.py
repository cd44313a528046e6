"""Requests, with a test in the partner's place."""

import pytest

from wasaga import Call, Rejected, Retryable, Unknown, config, http


def sample() -> Call:
    return Call("t", "order", "charge", None, 1, "the-key", 0, {})


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
        (408, Retryable),
        (429, Retryable),
        (503, Retryable),
        (500, Unknown),
        (504, Unknown),
    ],
)
def test_a_status_says_what_was_done(status: int, kind: type[Exception]):
    with pytest.raises(kind) as raised:
        http.Response(status, {"retry-after": "7"}, b"no").raise_for_status()
    assert raised.value.code == f"http-{status}"
    assert raised.value.message == f"the answer was {status} no"
    assert raised.value.after_ms == (7_000 if kind is Retryable else None)


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
