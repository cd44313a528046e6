"""What a component does beside the contract: when `random` is seeded, and when what was printed is flushed."""

import io
import random
import sys
from types import ModuleType
from typing import Any

import pytest

from wasaga import _chance, _printed


class Real(ModuleType):
    """Stands for `random`, and notes when it is seeded."""

    def __init__(self) -> None:
        super().__init__("random")
        self.seeds: list[Any] = []
        self.__dict__.update(__file__="random.py", seed=self.put, choice=lambda: len(self.seeds))

    def put(self, a: Any = None, version: int = 2) -> None:
        self.seeds.append(a)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Any:
    module: Any = _chance.Late(Real())
    monkeypatch.setitem(sys.modules, "random", module)
    return module


def seeds(late: Any) -> list[Any]:
    return late.__dict__["_real"].seeds  # type: ignore[no-any-return]


def test_random_is_seeded_when_it_is_used_and_not_before(late: Any) -> None:
    of_every_instance = late.seed
    of_every_instance()
    assert seeds(late) == [], "what componentize-py says at the first call of every instance costs nothing"
    from random import choice

    assert choice() == 1, "seeded once, before it is used"  # noqa: S311 -- it is none.
    assert late.choice() == 1, "also by a name that it was bound to before"
    assert sys.modules["random"] is late.__dict__["_real"]


def test_a_seed_of_the_guests_own_is_its_seed(late: Any) -> None:
    assert late.seed is bool, "that of componentize-py"
    late.seed(7)
    assert seeds(late)[-1] == 7


def test_one_that_somebody_holds_is_left_alone() -> None:
    before = sys.modules["random"]
    _chance.defer()
    assert sys.modules["random"] is before is random


def test_what_was_printed_is_flushed_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    class Raw(io.BytesIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    raws = {name: Raw() for name in ("stdout", "stderr")}
    for name, raw in raws.items():
        monkeypatch.setattr(sys, f"__{name}__", None)
        monkeypatch.setattr(sys, name, io.TextIOWrapper(raw, "utf-8"))
    monkeypatch.setattr(_printed, "is_left", False)
    monkeypatch.setattr(_printed, "_is_shared", False)
    _printed.install()
    assert not _printed.is_left
    sys.stdout.write("a")
    assert _printed.is_left
    _printed.flush()
    assert (raws["stdout"].getvalue(), _printed.is_left) == (b"a", False)
    below = sys.stderr.buffer
    below.write(b"b")
    assert _printed.is_left, "bytes too"
    _printed.flush()
    assert _printed.is_left, "which somebody may write later"
    sys.stdout.close()
    _printed.flush()
    assert raws["stderr"].getvalue() == b"b", "also where the guest has closed the other"
