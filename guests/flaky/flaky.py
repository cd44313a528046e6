"""Succeeds on the third attempt: first it is not possible now, then nobody knows, then it works."""

from wasaga import Call, Retry, Retryable, compensation, saga, step


@saga("flaky")
class Flaky:
    """Tries until it works."""

    @step(retry=Retry(attempts=5, delay="20ms", max_delay="100ms", jitter=0))
    def work(self, succeeds_at: int | None, call: Call) -> int:
        """Works on the attempt that `succeeds_at` names, the third without it."""
        if call.attempt >= (succeeds_at or 3):
            return call.attempt
        if call.attempt == 1:
            raise Retryable("busy", "it is busy", after="30ms")
        raise ConnectionError("the line went dead")

    @compensation(of=work)
    def undo(self, output: int | None) -> int | None:
        """Undoes what may have happened."""
        return output
