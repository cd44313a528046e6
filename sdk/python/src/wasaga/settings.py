"""Settings of sagas, TCCs and what they are made of, read with a message for each mistake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wasaga._table import Limits, RetryPolicy
from wasaga._units import milliseconds, size_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasaga._units import Duration

POLICIES = ("strict-sequential", "grouped-parallel", "retry-with-backoff", "circuit-breaker", "best-effort-parallel")
# As the host has them.
_ATTEMPTS_MAX = 1_000_000
_MULTIPLIER_MAX = 1_000_000
_BARE_MAX, _UNCLEAR_MAX = 1_000, 1e12
_U64_MAX = (1 << 64) - 1
_U32_MAX = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Retry:
    """How often something is tried.

    The delay before attempt n+1 is `min(max_delay, delay * multiplier**(n-1))`, jittered. What is not said is the
    host's choice.

    Attributes:
        attempts: in all, so 1 never retries. The host has 3, and 70 for a confirm or a cancel.
        delay: before the second attempt. The host has 1 s.
        max_delay: no delay is longer; raised to `delay` where that is longer. The host has 30 s.
        multiplier: each delay is this times the one before; at least 1. The host has 2.
        jitter: 0 for none, 1 for the full delay at random. The host has 0.3.
    """

    attempts: int | None = None
    delay: Duration | None = None
    max_delay: Duration | None = None
    multiplier: float | None = None
    jitter: float | None = None


class Reader:
    """Reads settings and collects what is wrong with them."""

    def __init__(self, settings: dict[str, Any], complain: Callable[[str], None]) -> None:
        self._settings = settings
        self._complain = complain

    def limits(self) -> Limits:
        """Read time, fuel, memory and retries."""
        return Limits(
            timeout_ms=self.span("timeout"),
            total_timeout_ms=self.span("total_timeout"),
            fuel=self.count("fuel", most=_U64_MAX),
            memory_bytes=self._converted("memory", size_bytes),
            retry=self._retry(),
        )

    def span(self, name: str) -> int | None:
        """Read a span of time."""
        return self._converted(name, _span)

    def _converted(self, name: str, convert: Callable[[Any], int]) -> int | None:
        value = self._settings.get(name)
        if value is None:
            return None
        try:
            read = convert(value)
        except ValueError as error:
            self._complain(f"`{name}`: {error}")
            return None
        if read == 0:
            self._complain(f"`{name}` is 0, so nothing could succeed (leave it out for the host's default)")
            return None
        return read

    def count(self, name: str, *, most: int = _U32_MAX) -> int | None:
        """Read a whole number above 0."""
        return self._whole(name, 1, most)

    def order(self) -> int:
        """Read a participant's order."""
        return self._whole("order", 0, _U32_MAX) or 0

    def _whole(self, name: str, least: int, most: int) -> int | None:
        value = self._settings.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self._complain(f"`{name}` is {value!r} (a whole number from {least})")
        return None

    def text(self, name: str) -> str | None:
        """Read a text."""
        value = self._settings.get(name)
        if value is not None and not isinstance(value, str):
            self._complain(f"`{name}` is {value!r} (a str)")
            return None
        return value

    def flag(self, name: str) -> bool:
        """Read a yes or no."""
        value = self._settings.get(name, False)
        if not isinstance(value, bool):
            self._complain(f"`{name}` is {value!r} (True or False)")
        return value is True

    def policy(self) -> str | None:
        """Read a compensation policy."""
        value = self._settings.get("policy")
        if value is not None and value not in POLICIES:
            self._complain(f"`policy` is {value!r} (one of {', '.join(POLICIES)})")
            return None
        return value if isinstance(value, str) else None

    def _retry(self) -> RetryPolicy | None:
        retry = self._settings.get("retry")
        if retry is None:
            return None
        if isinstance(retry, int) and not isinstance(retry, bool):
            retry = Retry(attempts=retry)
        if not isinstance(retry, Retry):
            self._complain(f"`retry` is {retry!r} (Retry(attempts=…, delay=…), or a number of attempts)")
            return None
        try:
            delay = None if retry.delay is None else _span(retry.delay)
            max_delay = None if retry.max_delay is None else max(_span(retry.max_delay), delay or 0)
        except ValueError as error:
            self._complain(f"`retry`: {error}")
            return None
        wrong = _wrong(retry)
        if wrong:
            self._complain(f"`retry` {wrong}")
            return None
        return RetryPolicy(retry.attempts, delay, max_delay, _float(retry.multiplier), _float(retry.jitter))


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)


def _span(value: Duration) -> int:
    """Read a span of time of a setting, where a large bare number is more likely meant as milliseconds.

    Raises:
        ValueError: it is none, or it is not clear.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and _BARE_MAX <= value < _UNCLEAR_MAX:
        raise ValueError(f'{value!r} would be as many seconds (write "{value}ms" or "{value}s")')
    return milliseconds(value)


def _wrong(retry: Retry) -> str | None:
    """Say what is wrong with a retry, as the rest of a sentence."""
    attempts, multiplier, jitter = retry.attempts, retry.multiplier, retry.jitter
    if attempts is not None and (isinstance(attempts, bool) or not isinstance(attempts, int)):
        return f"has {attempts!r} attempts (a whole number)"
    if attempts is not None and not 1 <= attempts <= _ATTEMPTS_MAX:
        return f"has {attempts} attempts (from 1 to {_ATTEMPTS_MAX})"
    if multiplier is not None and not (isinstance(multiplier, (int, float)) and 1 <= multiplier <= _MULTIPLIER_MAX):
        return f"has a multiplier of {multiplier!r} (from 1 to {_MULTIPLIER_MAX})"
    if jitter is not None and not (isinstance(jitter, (int, float)) and 0 <= jitter <= 1):
        return f"has a jitter of {jitter!r} (from 0 to 1)"
    return None
