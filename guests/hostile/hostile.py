"""Everything a guest should not do.

Each saga does one of these things in its only step; all must end as an outcome of their step, and none
may disturb another.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from wasaga import Call, Rejected, Retry, compensation, context, log, saga, step

ONCE = Retry(attempts=1)
FUEL = 1_000_000_000_000


def spin() -> int:
    """Never come back."""
    turns = 0
    while True:
        turns += 1


@saga
class BusyLoop:
    """A busy loop, stopped by the clock."""

    @step(timeout="300ms", fuel=FUEL, retry=ONCE)
    def work(self) -> int:
        """Never comes back."""
        return spin()


@saga
class FuelEater:
    """A busy loop, stopped by its fuel."""

    @step(fuel=5_000_000, retry=ONCE)
    def work(self) -> int:
        """Never comes back."""
        return spin()


@saga
class BusyCompensation:
    """A busy loop in a compensation."""

    @step
    def work(self) -> None:
        """Works."""

    @compensation(of=work, timeout="300ms", fuel=FUEL)
    def undo(self) -> int:
        """Never comes back."""
        return spin()

    @step(depends_on=[work])
    def refuse(self) -> None:
        """Makes the saga unwind."""
        raise Rejected("no", "it was told to")


@saga
class AllocationBomb:
    """Takes all the memory it can get."""

    @step(memory="64MiB", retry=ONCE)
    def work(self) -> int:
        """Takes it."""
        hoard = []
        while True:
            hoard.append(bytearray(1 << 20))


@saga
class DeepRecursion:
    """Recurses without end."""

    @step(retry=ONCE)
    def work(self) -> int:
        """Recurses."""
        return self.deeper(0)

    def deeper(self, depth: int) -> int:
        """Go one deeper."""
        return self.deeper(depth + 1) + 1


@saga
class NativeRecursion:
    """Recurses without end through functions that are not written in Python."""

    @step(retry=ONCE)
    def work(self) -> int:
        """Recurses."""
        return self.deeper(0)

    def deeper(self, depth: int) -> int:
        """Go one deeper, by a function of the interpreter's own."""
        return max([depth], key=lambda of: self.deeper(of + 1))


@saga
class DeepOutput:
    """Answers lists within lists, more than anyone can open."""

    @step(retry=ONCE)
    def work(self) -> Any:
        """Answers them."""
        nest: list[Any] = []
        for _ in range(100_000):
            nest = [nest]
        return nest


@saga
class Panic:
    """Raises what nobody expects."""

    @step(retry=ONCE)
    def work(self) -> str:
        """Looks for what is not there."""
        prices = {"tea": 590}
        return str(prices["coffee"])


@saga
class Exit:
    """Ends its process."""

    @step(retry=ONCE)
    def work(self) -> None:
        """Ends."""
        sys.exit(3)


@saga
class HardExit:
    """Ends its process, and asks nobody."""

    @step(retry=ONCE)
    def work(self) -> None:
        """Ends."""
        os._exit(3)


@saga
class Abort:
    """Ends its process as a crash would."""

    @step(retry=ONCE)
    def work(self) -> None:
        """Ends."""
        os.abort()


@saga
class Interrupt:
    """Acts as if someone had pressed ctrl-c."""

    @step(retry=ONCE)
    def work(self) -> None:
        """Interrupts."""
        raise KeyboardInterrupt


@saga
class HugeOutput:
    """Answers more than anyone can read."""

    @step(retry=ONCE)
    def work(self) -> str:
        """Answers 24 MiB."""
        return "x" * (24 << 20)


@saga
class NotANumber:
    """Answers what JSON has no number for."""

    @step(retry=ONCE)
    def work(self) -> dict[str, list[float]]:
        """Divides nothing by nothing."""
        return {"shares": [0.5, float("inf") / float("inf")]}


@saga
class Binary:
    """Answers bytes."""

    @step(retry=ONCE)
    def work(self) -> Any:
        """Answers them deep within."""
        return {"label": {"png": b"\x89PNG"}}


@saga
class Cycle:
    """Answers what has no end."""

    @step(retry=ONCE)
    def work(self) -> Any:
        """Answers a list within itself."""
        chain: list[Any] = [1]
        chain.append(chain)
        return {"chain": chain}


@saga
class HalfCharacter:
    """Answers text that is none."""

    @step(retry=ONCE)
    def work(self) -> str:
        """Answers half a character."""
        return "\ud83d"


@saga
class HugeNumber:
    """Answers a number that is longer than Python writes."""

    @step(retry=ONCE)
    def work(self) -> int:
        """Answers it."""
        return 10**5_000


@saga
class Lazy:
    """Answers what is not there yet."""

    @step(retry=ONCE)
    def work(self) -> Any:
        """Answers a generator."""
        return (i for i in range(3))


@saga
class WrongType:
    """Answers something else than it says."""

    @step(retry=ONCE)
    def work(self) -> list[int]:
        """Answers a str among ints."""
        answer: list[Any] = [1, "2"]
        return answer


@saga
class LateImport:
    """Imports at the call what was not there when it was built."""

    @step(retry=ONCE)
    def work(self) -> str:
        """Imports."""
        import sqlite3

        return sqlite3.sqlite_version


@saga
class OpenFile:
    """Opens a file."""

    @step(retry=ONCE)
    def work(self) -> str:
        """Opens it."""
        return Path("/etc/passwd").read_text(encoding="utf-8")


@saga
class WriteFile:
    """Writes a file."""

    @step(retry=ONCE)
    def work(self) -> None:
        """Writes it."""
        Path("notes.txt").write_text("it was here", encoding="utf-8")


@saga
class Ask:
    """Asks whoever sits there."""

    @step(retry=ONCE)
    def work(self) -> str:
        """Asks."""
        return input("name? ")


@saga
class StartThread:
    """Starts a thread."""

    @step(retry=ONCE)
    def work(self) -> None:
        """Starts it."""
        threading.Thread(target=spin).start()


@saga
class StartProcess:
    """Starts a process."""

    @step(retry=ONCE)
    def work(self) -> None:
        """Starts it."""
        subprocess.run(["/bin/true"], check=True)


@saga
class OpenSocket:
    """Opens a socket."""

    @step(retry=ONCE)
    def work(self) -> None:
        """Connects."""
        with socket.create_connection(("93.184.216.34", 80), timeout=1):
            pass


@saga
class RawSocket:
    """Opens a socket by the address."""

    @step(retry=ONCE)
    def work(self) -> None:
        """Connects."""
        with socket.socket() as one:
            one.connect(("93.184.216.34", 80))


@saga
class Resolve:
    """Asks for an address."""

    @step(retry=ONCE)
    def work(self) -> str:
        """Asks."""
        return socket.gethostbyname("example.com")


@saga
class Megabyte:
    """Prints a megabyte, and does its work all the same."""

    @step(retry=ONCE)
    def work(self) -> int:
        """Prints it."""
        for line in range(1 << 14):
            print(f"{line:05} " + "x" * 57)
        return 1 << 20


@saga
class EndlessStderr:
    """Writes to stderr without end."""

    @step(timeout="300ms", fuel=FUEL, retry=ONCE)
    def work(self) -> None:
        """Writes."""
        while True:
            print("no end in sight", file=sys.stderr)


@saga
class Sleeper:
    """Sleeps for an hour."""

    @step(timeout="300ms", retry=ONCE)
    def work(self) -> None:
        """Sleeps."""
        time.sleep(3_600)


@saga
class LogFlood:
    """Writes log lines without end."""

    @step(timeout="300ms", fuel=FUEL, retry=ONCE)
    def work(self) -> None:
        """Writes."""
        while True:
            log.info("again", and_="again")


@saga
class VariableFlood:
    """Sets variables without end."""

    @step(timeout="5s", fuel=FUEL, retry=ONCE)
    def work(self) -> None:
        """Sets them."""
        i = 0
        while True:
            context.set_variable(f"v{i}", "x" * (64 << 10))
            i += 1


@saga
class NeverAwaited:
    """Waits for what nobody will ever do."""

    @step(retry=ONCE)
    async def work(self) -> None:
        """Waits."""
        import asyncio

        await asyncio.get_running_loop().create_future()


@saga
class Vandal:
    """Breaks what it stands on: the next call in a fresh instance must not notice."""

    @step(retry=ONCE)
    def work(self, call: Call) -> str:
        """Breaks it."""
        sys.stdout.close()
        sys.modules.clear()
        return "work" if call.attempt == 1 else "again"


@saga
class Neighbour:
    """Behaves, to show that it may."""

    @step
    def first(self) -> int:
        """Counts."""
        return 1

    @step
    def second(self, first: int) -> int:
        """Counts on."""
        return first + 1
