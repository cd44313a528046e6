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
ATTEMPTS = 3
SETTLE_ATTEMPTS = 70
"""Attempts where a retry names none; those of a confirm or a cancel, which have to succeed."""
_BARE_MAX, _UNCLEAR_MAX = 1_000, 1e12
_U64_MAX = (1 << 64) - 1
_U32_MAX = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Retry:
    """How often something is tried.

    The delay before attempt n+1 is `min(max_delay, delay * multiplier**(n-1))`, jittered.

    Attributes:
        attempts: in all, so 1 never retries. None takes what the host has: 3, and 70 for a confirm or
            a cancel.
        delay: before the second attempt.
        max_delay: no delay is longer; raised to `delay` where that is longer.
        multiplier: each delay is this times the one before; at least 1.
        jitter: 0 for none, 1 for the full delay at random.
    """

    attempts: int | None = None
    delay: Duration = "1s"
    max_delay: Duration = "30s"
    multiplier: float = 2.0
    jitter: float = 0.3


class Reader:
    """Reads settings and collects what is wrong with them."""

    def __init__(self, settings: dict[str, Any], complain: Callable[[str], None]) -> None:
        self._settings = settings
        self._complain = complain

    def limits(self, attempts: int = ATTEMPTS) -> Limits:
        """Read time, fuel, memory and retries; `attempts` where a retry does not say how many."""
        return Limits(
            timeout_ms=self.span("timeout"),
            total_timeout_ms=self.span("total_timeout"),
            fuel=self.count("fuel", most=_U64_MAX),
            memory_bytes=self._converted("memory", size_bytes),
            retry=self._retry(attempts),
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

    def _retry(self, attempts: int) -> RetryPolicy | None:
        retry = self._settings.get("retry")
        if retry is None:
            return None
        if isinstance(retry, int) and not isinstance(retry, bool):
            retry = Retry(attempts=retry)
        if not isinstance(retry, Retry):
            self._complain(f"`retry` is {retry!r} (Retry(attempts=…, delay=…), or a number of attempts)")
            return None
        try:
            delay, max_delay = _span(retry.delay), _span(retry.max_delay)
        except ValueError as error:
            self._complain(f"`retry`: {error}")
            return None
        if retry.attempts is not None:
            attempts = retry.attempts
        wrong = _wrong(retry, attempts)
        if wrong:
            self._complain(f"`retry` {wrong}")
            return None
        return RetryPolicy(attempts, delay, max(delay, max_delay), float(retry.multiplier), float(retry.jitter))


def _span(value: Duration) -> int:
    """Read a span of time of a setting, where a large bare number is more likely meant as milliseconds.

    Raises:
        ValueError: it is none, or it is not clear.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and _BARE_MAX <= value < _UNCLEAR_MAX:
        raise ValueError(f'{value!r} would be as many seconds (write "{value}ms" or "{value}s")')
    return milliseconds(value)


def _wrong(retry: Retry, attempts: int) -> str | None:
    """Say what is wrong with a retry, as the rest of a sentence."""
    if isinstance(attempts, bool) or not isinstance(attempts, int):
        return f"has {attempts!r} attempts (a whole number)"
    if not 1 <= attempts <= _ATTEMPTS_MAX:
        return f"has {attempts} attempts (from 1 to {_ATTEMPTS_MAX})"
    if not isinstance(retry.multiplier, (int, float)) or not 1 <= retry.multiplier <= _MULTIPLIER_MAX:
        return f"has a multiplier of {retry.multiplier!r} (from 1 to {_MULTIPLIER_MAX})"
    if not isinstance(retry.jitter, (int, float)) or not 0 <= retry.jitter <= 1:
        return f"has a jitter of {retry.jitter!r} (from 0 to 1)"
    return None
