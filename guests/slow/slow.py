"""Takes its time: to see timeouts, cancels and pauses.

The first step is accepted at once and answers `pending` until the moment that it is given, which it
learns from the wall clock.
"""

import asyncio
import time

from wasaga import Pending, Retry, compensation, saga, step


@saga("slow")
class Slow:
    """Waits once by polling and once by sleeping."""

    @step
    def wait(self, until_unix_ms: int | None) -> bool:
        """Is finished when the wall clock says so."""
        if (until_unix_ms or 0) > time.time() * 1_000:
            raise Pending("20ms")
        return True

    @compensation(of=wait)
    def unwait(self, output: bool | None) -> bool:
        """Undoes nothing, and is told so."""
        return output is not None

    @step(timeout="1s", depends_on=[wait], retry=Retry(attempts=2, delay="10ms"))
    async def sleep(self, ms: int) -> int:
        """Sleeps."""
        await asyncio.sleep(ms / 1_000)
        return ms
