"""Sends one request, as its input says, and answers with what came back: for seeing what a guest may reach."""

from dataclasses import dataclass

from wasaga import Call, config, http, module, saga, step

module(
    name="caller",
    http=[
        "http://localhost:*",
        "https://localhost:*",
        "http://127.0.0.1:*",
        "http://[::ffff:127.0.0.1]:*",
        "http://2130706433:*",
        "http://0x7f.1:*",
        "http://017700000001:*",
        "http://*.example.com",
        "https://api.example.com",
    ],
    config=["greeting"],
    secrets=["token"],
)


@dataclass
class Answer:
    """What came back."""

    status: int
    body: str
    location: str | None


@saga("fetch")
class Fetch:
    """Sends a request."""

    @step(timeout="2s", retry=1)
    def send(
        self,
        url: str,
        method: str | None,
        body: str | None,
        headers: list[tuple[str, str]] | None,
        timeout_ms: int | None,
        call: Call,
    ) -> Answer:
        """Sends it."""
        answer = http.request(
            method or "GET",
            url,
            headers=dict(headers or []),
            content=body,
            timeout=None if timeout_ms is None else timeout_ms / 1_000,
            idempotent=call,
        )
        return Answer(answer.status_code, answer.text, answer.headers.get("location"))


@saga("many")
class Many:
    """Sends many requests in one call."""

    @step(timeout="60s", retry=1)
    def send(self, url: str, times: int) -> int:
        """Sends them one after the other, and answers how many had status 200."""
        return sum(http.get(url).status_code == 200 for _ in range(times))


@saga("values")
class Values:
    """Reads a value that the operator gives."""

    @step
    def read(self, key: str) -> str | None:
        """Reads it; `secret` is one that the module does not ask for."""
        return config.get(key)
