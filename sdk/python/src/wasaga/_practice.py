"""A call that is made some times while a component is built, so that the first real one is not the first.

Python rewrites its code to what it has seen. Done here, it is in the image that every instance shares;
done in a fresh instance, it would be done, and its memory copied, in every call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from wasaga import _registry
from wasaga._types import Bounds
from wasaga.call import Call, Forward
from wasaga.decorators import compensation, saga, step
from wasaga.tccs import cancel, confirm, participant, tcc

NAME = "wasaga.practice"
# Python settles after some ten turns of the same; this is some more.
_TURNS = 40
_TRIED = '{"id":"a","count":1,"lines":["b"],"note":null,"rate":0.5}'
_TEXT = '{"input":{"id":"a","count":1,"lines":["b"],"note":null,"rate":0.5},"output":{"id":"c"}}'


@dataclass
class _Sample:
    id: str
    count: Annotated[int, Bounds(ge=0)] = 0
    lines: list[str] = field(default_factory=list)
    note: str | None = None
    rate: float = 1.0


class Host:
    """Answers what a call of practice asks: the host's functions are not there while a component is built."""

    def idempotency_key(self) -> str:
        """Give a key."""
        return "key"


def practise(
    run: Callable[[str, str, str], object],
    undo: Callable[[str, str, str], object],
    settle: Callable[[str, str, str, str], object],
) -> None:
    """Make the calls: a definition, a node, and arguments; for a TCC also what was tried."""
    _saga()
    _tcc()
    for _ in range(_TURNS):
        run(NAME, "typed", _TEXT)
        run(NAME, "plain", "{}")
        undo(NAME, "typed", _TEXT)
        settle(NAME, "typed", _TEXT, _TRIED)
    _registry.drop(NAME)


def _saga() -> None:
    @saga(NAME)
    class Practice:
        @step
        def typed(self, input: _Sample, call: Call) -> _Sample:  # noqa: A002 -- it is the whole input.
            return _Sample(input.id, input.count, input.lines, call.idempotency_key, input.rate)

        @step
        def plain(self) -> None:
            pass

        @compensation(of=typed)
        def untyped(self, output: _Sample | None, forward: Forward) -> str | None:
            return None if output is None else forward.outcome


def _tcc() -> None:
    @tcc(NAME)
    class Practice:
        @participant
        def typed(self, input: _Sample, call: Call) -> _Sample:  # noqa: A002 -- it is the whole input.
            return _Sample(input.id, input.count, input.lines, call.idempotency_key, input.rate)

        @confirm(of=typed)
        def final(self, output: _Sample) -> str:
            return output.id

        @cancel(of=typed)
        def freed(self, output: _Sample | None, forward: Forward) -> str | None:
            return None if output is None else forward.outcome
