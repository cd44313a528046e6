"""Wrong use is an error when the file is imported: it names the function, the file, the line and the remedy."""

import importlib
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from wasaga import DefinitionError, _marks, _registry

HEAD = """
from dataclasses import dataclass
from typing import Annotated, Any
import wasaga
from wasaga import *

@dataclass
class Order:
    id: str
    quantity: int

def hiding(function):
    def inner(*arguments):
        return function(*arguments)
    return inner
"""

_count = 0


@pytest.fixture(autouse=True)
def _clean() -> Any:
    yield
    _marks._pending.clear()
    _marks.waiting.clear()


def mistake(tmp_path: Path, source: str) -> str:
    """Import a file that is wrong, and give what is said, with the lines counted from the source."""
    global _count
    _count += 1
    name = f"mistaken_{_count}"
    file = tmp_path / f"{name}.py"
    file.write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(DefinitionError) as error:
            importlib.import_module(name)
            _registry.describe(name)
    finally:
        sys.path.remove(str(tmp_path))
    said = str(error.value)
    first = HEAD.count("\n")
    return re.sub(rf"{re.escape(str(file))}:(\d+)", lambda of: f"order.py:{int(of[1]) - first}", said)


def in_class(body: str) -> str:
    return '@wasaga.saga("order")\nclass OrderSaga:\n' + textwrap.indent(textwrap.dedent(body), "    ")


STEP = "@step\ndef a(self, id: str) -> str: return id\n"

CASES: list[tuple[str, str]] = [
    (
        STEP + "@step(depends_on=['b1'])\ndef b(self) -> None: ...\n",
        "order.py:6: step `OrderSaga.b`: `depends_on` names `b1`, which is not a step of this saga (there are: a, b)",
    ),
    (
        "@step\ndef reserve(self) -> None: ...\n@step(depends_on='reserv')\ndef b(self) -> None: ...\n",
        "names `reserv`, which is not a step of this saga (did you mean `reserve`?)",
    ),
    (
        STEP + "@step(depends_on=[a, Order])\ndef b(self) -> None: ...\n",
        "`depends_on` names <class 'mistaken",
    ),
    (
        STEP + "@step(depends_on=['b'])\ndef b(self) -> None: ...\n",
        "order.py:6: step `OrderSaga.b`: it cannot depend on",
    ),
    (
        STEP + "@compensation(of='x')\ndef b(self) -> None: ...\n",
        "compensation `OrderSaga.b`: `of` names `x`, which is not",
    ),
    (
        STEP + "@compensation\ndef b(self) -> None: ...\n",
        "order.py:6: compensation `OrderSaga.b`: does not say which step",
    ),
    (
        STEP + "@compensation(of=a)\ndef b(self) -> None: ...\n@compensation(of=a)\ndef c(self) -> None: ...\n",
        "order.py:8: compensation `OrderSaga.c`: step `a` has a compensation already, `OrderSaga.b`",
    ),
    (
        STEP + "@step(id='a')\ndef b(self) -> None: ...\n",
        "order.py:6: step `OrderSaga.b`: the id `a` is taken by `OrderSaga.a`",
    ),
    (STEP + "@step\ndef a(self) -> None: ...\n", "order.py:4: `a` is defined again at order.py:6 (rename one)"),
    (
        "@step\ndef a(self, x) -> None: ...\n",
        "order.py:4: step `OrderSaga.a`: parameter `x` has no type hint (such as `x: str`",
    ),
    ("@step\ndef a(self, call) -> None: ...\n", "parameter `call` has no type hint (such as `call: Call`"),
    ("@step\ndef a(self, *x: int) -> None: ...\n", "has no source (name each parameter, for a name says where"),
    (
        "@step\ndef a() -> None: ...\n",
        "order.py:4: step `OrderSaga.a`: takes no `self` (add it, or use `@staticmethod`)",
    ),
    ("@step\ndef a(self, output: int) -> None: ...\n", "parameter `output` has a meaning in compensations only"),
    ("@step\ndef a(self, a: int) -> None: ...\n", "parameter `a` is the step's own output, for which it cannot wait"),
    (
        STEP + "@compensation(of=a)\ndef b(self, a: str) -> None: ...\n",
        "parameter `a` is the output of the step that is undone (name it `output`)",
    ),
    (
        "@step\ndef a(self, x: Annotated[int, FromItem()]) -> None: ...\n",
        "parameter `x` is an item, and the step has no `each`",
    ),
    (
        "@step\ndef a(self, x: Annotated[int, FromCause()]) -> None: ...\n",
        "parameter `x` is `FromCause`, which only a compensation has",
    ),
    (
        "@step\ndef a(self, x: Annotated[int, FromStep('y')]) -> None: ...\n",
        "parameter `x` names `y`, which is not a step",
    ),
    ("@step\ndef a(self, x: Annotated[int, FromInput('y')]) -> None: ...\n", "(a JSON Pointer begins with `/`"),
    ("@step\ndef a(self, x: Annotated[int, FromInput('/y~2')]) -> None: ...\n", "`~0` stands for `~`"),
    (
        "@step\ndef a(self, x: Annotated[int, FromVariable('')]) -> None: ...\n",
        "names a variable by '' (a str that is not empty)",
    ),
    ("@step\ndef a(self, x: Annotated[int, Fixed(b'')]) -> None: ...\n", "is the literal b'', which cannot be JSON"),
    (
        STEP + "@compensation(of=a)\ndef b(self, x: Annotated[int, FromCompensation('c')]) -> None: ...\n"
        "@step\ndef c(self) -> None: ...\n",
        "is the answer of the compensation of `c`, which has none",
    ),
    (
        "@step\ndef a(self, input: Order) -> None: ...\n@step\ndef b(self, quantiti: int) -> None: ...\n",
        "order.py:6: `OrderSaga.b`: parameter `quantiti` is the field `quantiti` of the input, which the input does not "
        "have (did you mean `quantity`?",
    ),
    (
        "@step\ndef a(self, x: bytes) -> None: ...\n",
        "parameter `x`: bytes have no form in JSON (use str, with base64 or hex)",
    ),
    ("@step\ndef a(self) -> set[bytes]: ...\n", "its result: bytes have no form in JSON"),
    (
        "@step\ndef a(self, x: 'Later') -> None: ...\n",
        "a type hint names `Later`, which is not defined yet (define it above)",
    ),
    (
        "@step\ndef a(self, x: int = 'a') -> None: ...\n",
        "its default does not fit its type: expected an int, not the str 'a'",
    ),
    ("@step\ndef a(self) -> None: yield 1\n", "is a generator, which has no result to keep (return a list"),
    (
        "@step(timeout='2 parsecs')\ndef a(self) -> None: ...\n",
        "order.py:4: step `OrderSaga.a`: `timeout`: '2 parsecs' is not a span of time such as",
    ),
    ("@step(timeout=0)\ndef a(self) -> None: ...\n", "`timeout` is 0, so nothing could succeed"),
    ("@step(memory='1 GB')\ndef a(self) -> None: ...\n", "`memory`: '1 GB' is not a size such as \"64MiB\""),
    ("@step(fuel=1.5)\ndef a(self) -> None: ...\n", "`fuel` is 1.5 (a whole number from 1)"),
    ("@step(retry=Retry(attempts=0))\ndef a(self) -> None: ...\n", "`retry` has 0 attempts (from 1 to 1000000)"),
    ("@step(retry=Retry(delay='x'))\ndef a(self) -> None: ...\n", "`retry`: 'x' is not a span of time"),
    (
        "@step(retry=Retry(multiplier=0.5))\ndef a(self) -> None: ...\n",
        "`retry` has a multiplier of 0.5 (from 1 to 1000000)",
    ),
    ("@step(retry=Retry(jitter=2))\ndef a(self) -> None: ...\n", "`retry` has a jitter of 2 (from 0 to 1)"),
    ("@step(condition=True)\ndef a(self) -> None: ...\n", "`condition` is True (a str)"),
    ("@step(at_most_once='yes')\ndef a(self) -> None: ...\n", "`at_most_once` is 'yes' (True or False)"),
    ("@step(each='output')\ndef a(self) -> None: ...\n", "`each` has a meaning in compensations only"),
    (
        "@step(id='a b')\ndef a(self) -> None: ...\n",
        "its id has the character ' ' (letters, digits, `-`, `_` and `.` are allowed)",
    ),
    ("pass\n", "order.py:1: has no steps (mark a function with `@step`)"),
    (
        "@step\ndef a(self, b: None) -> None: ...\n@step\ndef b(self, a: None) -> None: ...\n",
        "its steps wait for each other: `",
    ),
    (
        "def __init__(self, bank): ...\n" + STEP,
        "`OrderSaga()` must do without arguments, for the host makes it: missing a",
    ),
    (
        "@hiding\n@step\ndef a(self) -> None: ...\n",
        "order.py:5: step `OrderSaga.a` is hidden by what took its name, such as a decorator",
    ),
    # U14: an int into a str passed import, build and validation, and was rejected at run time.
    (
        "@step\ndef a(self) -> int: ...\n@step\ndef b(self, a: str) -> None: ...\n",
        "order.py:6: `OrderSaga.b`: parameter `a`: what `a` answers is an integer, and what is wanted is a string",
    ),
    (
        "@step\ndef a(self) -> Order: ...\n@step\ndef b(self, a: Annotated[int, FromStep('a', at='/price')]) -> None: ...\n",
        "parameter `a`: what `a` answers has no part `/price`",
    ),
    (
        "@step\ndef a(self) -> Order: ...\n@compensation(of=a)\ndef b(self, output: list[str]) -> None: ...\n",
        "parameter `output`: what is undone is an object, and what is wanted is an array",
    ),
    (
        "@dataclass\nclass Priced:\n    cents: int\n@step\ndef a(self) -> Order: ...\n@step\ndef b(self, a: Priced) -> None: ...\n",
        "what `a` answers has no field `cents`, which is wanted",
    ),
    (
        "@step(each='ids')\ndef a(self, item: str) -> int: ...\n@step\ndef b(self, a: list[str] | int) -> None: ...\n"
        "@step\ndef c(self, a: int) -> None: ...\n",
        "order.py:8: `OrderSaga.c`: parameter `a`: what `a` answers is an array, and what is wanted is an integer",
    ),
    (
        "@step\ndef a(self, x: Annotated[int, FromHeader('x')]) -> None: ...\n",
        "parameter `x`: header `x` is a string, and what is wanted is an integer",
    ),
    # The words of FireflyTX.
    (
        "@step('a')\ndef a(self) -> None: ...\n",
        "order.py:3: `@step` belongs on a function, not on 'a' (write `@step(id='a')`)",
    ),
    ("@compensation('a')\ndef a(self) -> None: ...\n", "(write `@compensation(of='a')`)"),
    (
        "@step(timeout=5000)\ndef a(self) -> None: ...\n",
        '`timeout`: 5000 would be as many seconds (write "5000ms" or "5000s")',
    ),
    ("@step(retry=Retry(delay=1500))\ndef a(self) -> None: ...\n", 'write "1500ms" or "1500s"'),
    ("@step\n@step\ndef a(self) -> None: ...\n", "order.py:5: `OrderSaga.a` is marked twice"),
    ("@step\nclass a: ...\n", "`@step` belongs on a function, not on <class"),
]


@pytest.mark.parametrize(("body", "expected"), CASES, ids=lambda of: of[:50])
def test_a_mistake_in_a_class(tmp_path: Path, body: str, expected: str) -> None:
    said = mistake(tmp_path, in_class(body))
    assert expected in said, said


MODULES: list[tuple[str, str]] = [
    (
        "saga('x')\n@step\ndef a() -> None: ...\n",
        "order.py:1: in a module, `saga(…)` stands below its steps (move it to the end",
    ),
    ("@step\ndef a() -> None: ...\n", 'order.py:2: step `a` belongs to no saga\n(put `saga("name")` below the steps'),
    ("saga('x')\n", "order.py:1: this `saga(…)` has no steps (it decorates a class, or stands below them)"),
    (
        "@step\ndef a() -> None: ...\n@saga('x')\nclass B: ...\n",
        "the steps above `B` belong to no saga (put a `saga(…)` below",
    ),
    (
        "@step\ndef a() -> None: ...\nsaga('x', policy='none')\n",
        "order.py:3: `policy` is 'none' (one of strict-sequential, grouped",
    ),
    (
        "@step\ndef a() -> None: ...\nsaga('x', deadline='soon')\n",
        "order.py:3: `deadline`: 'soon' is not a span of time",
    ),
    (
        "@step\ndef a() -> None: ...\nsaga('x', concurrency=0)\n",
        "order.py:3: `concurrency` is 0 (a whole number from 1)",
    ),
    ("@step\ndef a() -> None: ...\nsaga('x y')\n", "order.py:3: its name has the character ' '"),
    ("@step\ndef a() -> None: ...\na = 1\nsaga('x')\n", "order.py:2: step `a` is hidden by what took its name"),
    ("@saga('x')\ndef a() -> None: ...\n", "order.py:1: `@saga` belongs on a class, not on <function a"),
    (
        "@step\ndef charge() -> int: return 1\n@step\ndef ship(charges: int) -> None: ...\nsaga('x')\n",
        "order.py:4: `ship`: parameter `charges` is the field `charges` of the input, and there is `charge`, which is "
        "nearly of that name (or say with `Annotated` where it comes from)",
    ),
    (
        "@step(id='get-price')\ndef a() -> int: return 1\n@step\ndef ship(getPrice: int) -> None: ...\nsaga('x')\n",
        "parameter `getPrice` is the field `getPrice` of the input, and there is `get-price`",
    ),
    (
        "@step\ndef charge(input: Order) -> int: return 1\n@step\ndef ship(chrage: int) -> None: ...\nsaga('x')\n",
        "parameter `chrage` is the field `chrage` of the input, which the input does not have (did you mean `charge`?",
    ),
    (
        "@step(id='a-b')\ndef a() -> None: ...\n@step\ndef a_b() -> None: ...\nsaga('x')\n",
        "step `a_b`: the id `a_b` is taken by `a`",
    ),
    ("@step\ndef a() -> None: ...\nsaga('x', labels=['id'])\n", "order.py:3: `labels` is ['id'] (a dict such as"),
    (
        "@step\ndef a(input: Order) -> None: ...\nsaga('x', labels={'order': 'ids'})\n",
        "order.py:3: label `order` is `/ids` of the input, which the input does not have (did you mean `id`?)",
    ),
    (
        "@step\ndef a(order: Order) -> None: ...\nsaga('x', labels={'order': 'order'})\n",
        "order.py:3: label `order` is `/order` of the input, which is no text, no whole number and no bool",
    ),
    (
        "@step\ndef a(quantity: int) -> None: ...\nsaga('x', labels={'q': Label('quantity', type='flag')})\n",
        "order.py:3: label `q` is `/quantity` of the input, which is no flag",
    ),
    (
        "@step\ndef a(quantity: int) -> None: ...\nsaga('x', labels={'q': Label('quantity', type='number')})\n",
        "order.py:3: label `q` has the type 'number' (there are: text, integer, flag)",
    ),
    (
        "@step\ndef a(quantity: int) -> None: ...\nsaga('x', labels={str(i): 'quantity' for i in range(9)})\n",
        "order.py:3: `labels` has 9 labels (8 at most)",
    ),
    ("module(instance_calls=0)\n", "order.py:1: `instance_calls` is 0 (a whole number from 1"),
    ("module(version=1)\n", "order.py:1: `version` is 1 (a str)"),
]


@pytest.mark.parametrize(("source", "expected"), MODULES, ids=lambda of: of[:50])
def test_a_mistake_in_a_module(tmp_path: Path, source: str, expected: str) -> None:
    said = mistake(tmp_path, source)
    assert expected in said, said


def in_tcc(body: str) -> str:
    return '@wasaga.tcc("move")\nclass Move:\n' + textwrap.indent(textwrap.dedent(body), "    ")


TRY = "@participant(order=1)\ndef debit(self, account: str) -> str: return account\n"
TAKE = "@confirm(of=debit)\ndef take(self) -> None: ...\n"
FREE = "@cancel(of=debit)\ndef free(self) -> None: ...\n"
IN_CLASS = "@participant\nclass Debit:\n    def try_(self) -> str: return 'a'\n"

TCCS: list[tuple[str, str]] = [
    (TRY + TAKE, "order.py:4: participant `Move.debit`: has no cancel (write one with `@cancel(of=debit)`)"),
    (TRY + FREE, "order.py:4: participant `Move.debit`: has no confirm (write one with `@confirm(of=debit)`)"),
    (
        IN_CLASS + "    def confirm(self) -> None: ...\n",
        "order.py:5: participant `Move.Debit.try_`: has no cancel (write a method `cancel`)",
    ),
    ("pass\n", "order.py:1: has no participants (mark a function with `@participant`)"),
    (
        TRY + TAKE + FREE + "@cancel(of='debbit')\ndef again(self) -> None: ...\n",
        "order.py:10: cancel `Move.again`: `of` names `debbit`, which is not a participant of this TCC (did you mean `debit`?)",
    ),
    (
        TRY + TAKE + FREE + "@cancel(of=take)\ndef again(self) -> None: ...\n",
        "which is not a participant (mark the function with `@participant`)",
    ),
    (
        TRY + TAKE + FREE + "@cancel(of=debit)\ndef again(self) -> None: ...\n",
        "order.py:10: cancel `Move.again`: participant `debit` has a cancel already, `Move.free`",
    ),
    (
        TRY + TAKE + FREE + "@confirm\ndef again(self) -> None: ...\n",
        "order.py:10: confirm `Move.again`: does not say which participant it is of (write `@confirm(of=…)`)",
    ),
    (
        TRY + TAKE + FREE + "@participant(id='debit')\ndef again(self) -> None: ...\n",
        "order.py:10: participant `Move.again`: the id `debit` is taken by `Move.debit`",
    ),
    (
        "@participant\ndef debit(self, output: str) -> None: ...\n" + TAKE + FREE,
        "parameter `output` has a meaning in confirm and cancel only",
    ),
    (
        "@participant\ndef debit(self, debit: str) -> None: ...\n" + TAKE + FREE,
        "parameter `debit` is the participant's own output, for which it cannot wait",
    ),
    (
        "@participant\ndef debit(self, known: Forward) -> None: ...\n" + TAKE + FREE,
        "order.py:4: participant `Move.debit`: parameter `known`: only a confirm and a cancel are told what is known of",
    ),
    (
        "@participant\ndef debit(self, x: Annotated[str, FromOutput()]) -> None: ...\n" + TAKE + FREE,
        "parameter `x` is `FromOutput`, which only a confirm or a cancel has",
    ),
    (
        TRY + "@confirm(of=debit)\ndef take(self, cause: str) -> None: ...\n" + FREE,
        "order.py:6: confirm `Move.take`: parameter `cause` has a meaning in compensations only",
    ),
    (
        TRY + "@confirm(of=debit)\ndef take(self, x: Annotated[str, FromCause()]) -> None: ...\n" + FREE,
        "parameter `x` is `FromCause`, which only a compensation has",
    ),
    (
        TRY + "@confirm(of=debit)\ndef take(self, x: Annotated[str, FromItem()]) -> None: ...\n" + FREE,
        "parameter `x` is an item, which only a saga has",
    ),
    (
        TRY + TAKE + "@cancel(of=debit)\ndef free(self, output: str) -> None: ...\n",
        "order.py:8: cancel `Move.free`: parameter `output`: a try that never happened has no output "
        "(write `output: str | None`)",
    ),
    (
        TRY + TAKE + "@cancel(of=debit)\ndef free(self, debit: Order) -> None: ...\n",
        "(write `debit: Order | None`)",
    ),
    (
        TRY
        + "@confirm(of=debit)\ndef take(self, account: Annotated[str, FromHeader('account')]) -> None: ...\n"
        + FREE,
        "order.py:6: confirm `Move.take`: parameter `account` comes from elsewhere in another function of this",
    ),
    (
        TRY + TAKE + FREE + "@participant(order=1)\nclass Credit:\n    def try_(self, debit: str) -> None: ...\n"
        "    def confirm(self) -> None: ...\n    def cancel(self) -> None: ...\n",
        "order.py:11: participant `Move.Credit.try_`: parameter `debit`: `debit` is not tried before this participant "
        "(give it a lower `order`)",
    ),
    (
        "@participant(order=-1)\ndef debit(self) -> None: ...\n" + TAKE + FREE,
        "order.py:4: participant `Move.debit`: `order` is -1 (a whole number from 0)",
    ),
    ("@participant(optional='x')\ndef debit(self) -> None: ...\n" + TAKE + FREE, "`optional` is 'x' (True or False)"),
    (
        TRY + "@confirm(of=debit, retry=Retry(attempts=0))\ndef take(self) -> None: ...\n" + FREE,
        "order.py:6: confirm `Move.take`: `retry` has 0 attempts",
    ),
    (
        TRY + TAKE + FREE + "@step\ndef pay(self) -> None: ...\n",
        "order.py:10: step `Move.pay` stands in a class with `@tcc` (it belongs in one with `@saga`)",
    ),
    ("@hiding\n" + TRY + TAKE + FREE, "order.py:5: participant `Move.debit` is hidden by what took its name"),
    (
        "@participant\n" + TRY + TAKE + FREE,
        "order.py:5: `Move.debit` is marked twice (a function is one participant, confirm",
    ),
    (
        "@participant\nclass Debit:\n    def confirm(self) -> None: ...\n",
        "order.py:4: participant `Move.Debit`: has no try (write a method `try_`)",
    ),
    (
        IN_CLASS + "    @confirm\n    def take(self) -> None: ...\n",
        "order.py:7: confirm `Move.Debit.take`: in a participant's class this method has the name `confirm`",
    ),
    (
        IN_CLASS + "    @confirm(of='debit')\n    def confirm(self) -> None: ...\n    def cancel(self) -> None: ...\n",
        "order.py:7: confirm `Move.Debit.confirm`: `of` stands in its participant, and so is of no other",
    ),
    (
        "@participant\nclass Debit:\n    @participant\n    def try_(self) -> None: ...\n",
        "participant `Move.Debit.try_` stands in a participant (its try is the method `try_`, without a mark)",
    ),
    (
        "@participant\nclass Debit:\n    def __init__(self, bank): ...\n    def try_(self) -> None: ...\n",
        "order.py:4: `Debit()` must do without arguments, for the host makes it: missing a",
    ),
    (
        "@participant\nclass Debit:\n    def try_() -> None: ...\n    def confirm(self) -> None: ...\n    def cancel(self) -> None: ...\n",
        "order.py:5: participant `Move.Debit.try_`: takes no `self`",
    ),
    (
        TRY + "@confirm(of=debit)\ndef take(self, try_result: str) -> None: ...\n" + FREE,
        "parameter `try_result` is not the word here for what the try answered (name it `output`)",
    ),
    ("participant(1)\n", "order.py:3: `@participant` belongs on a function or a class, not on 1"),
    ("@confirm\nclass A: ...\n", "order.py:3: `@confirm` belongs on a function, not on <class"),
]


@pytest.mark.parametrize(("body", "expected"), TCCS, ids=lambda of: of[:50])
def test_a_mistake_in_a_tcc(tmp_path: Path, body: str, expected: str) -> None:
    said = mistake(tmp_path, in_tcc(body))
    assert expected in said, said


PLAIN = (
    "@participant\ndef a() -> None: ...\n@confirm(of=a)\ndef b() -> None: ...\n@cancel(of=a)\ndef c() -> None: ...\n"
)

TCC_MODULES: list[tuple[str, str]] = [
    ("tcc('x')\n" + PLAIN, "order.py:1: in a module, `tcc(…)` stands below its participants (move it to the end"),
    (PLAIN, 'order.py:6: cancel `c` belongs to no TCC\n(put `tcc("name")` below the participants of a module)'),
    ("tcc('x')\n", "order.py:1: this `tcc(…)` has no participants (it decorates a class, or stands below them)"),
    (PLAIN + "@tcc('x')\nclass B: ...\n", "the participants above `B` belong to no TCC (put a `tcc(…)` below"),
    (PLAIN + "tcc('x', deadline='soon')\n", "tcc `x` has a mistake\n  order.py:7: `deadline`: 'soon' is not a span"),
    (PLAIN + "tcc('x')\n@step\ndef d() -> None: ...\nsaga('x')\n", "the name `x` is taken by the"),
    (
        PLAIN + "@saga('y')\nclass Y:\n    @participant\n    def a(self) -> None: ...\n",
        "`Y.a` stands in a class with `@saga`",
    ),
    # U14: two of one name were built, and the first was gone.
    (
        "@saga('x')\nclass X:\n    @step\n    def a(self) -> None: ...\n"
        "@saga('x')\nclass Y:\n    @step\n    def b(self) -> None: ...\n",
        "order.py:5: the name `x` is taken by the saga at ",
    ),
    ("x = 1\n", "has neither saga nor TCC (mark a class with `@saga` or `@tcc`)"),
]


@pytest.mark.parametrize(("source", "expected"), TCC_MODULES, ids=lambda of: of[:50])
def test_a_mistake_in_a_module_with_a_tcc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, expected: str
) -> None:
    monkeypatch.setattr(_registry, "_sagas", [])
    monkeypatch.setattr(_registry, "_tccs", [])
    said = mistake(tmp_path, source)
    assert expected in said, said


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    said = mistake(
        tmp_path,
        in_class(
            "@step(timeout='x', depends_on='y')\ndef a(self, b: bytes) -> None: ...\n@compensation\ndef c(self) -> None: ...\n"
        ),
    )
    assert said.startswith("saga `order` has 4 mistakes\n  order.py:")


def test_an_unknown_setting_is_told(tmp_path: Path) -> None:
    from wasaga import cancel, compensation, confirm, participant, saga, step, tcc

    for decorator in (step, compensation, saga, participant, confirm, cancel, tcc):
        with pytest.raises(TypeError, match=r"`timout` is not a setting of `@?\w+` \(there are: "):
            decorator(timout="2s")


def test_words_of_others_have_a_hint() -> None:
    """Of FireflyTX, where a setting is in milliseconds and names its compensation."""
    from wasaga import participant, step

    for settings, remedy in [
        ({"timeout_ms": 5000}, 'write `timeout="5000ms"`'),
        ({"backoff_ms": 200}, 'write `retry=Retry(delay="200ms")`'),
        ({"max_retries": 3}, r"write `retry=Retry(attempts=3 + 1)`"),
        ({"compensate": "undo"}, "write `@compensation(of=…)` above the function that undoes it, in place of `undo`"),
    ]:
        for decorator in (step, participant):
            with pytest.raises(TypeError, match=re.escape(remedy)):
                decorator(**settings)  # type: ignore[call-overload]
