"""A component that is relinked does the same; one of another form stays as it is."""

from typing import Any

import pytest
from wasmtime import Config, Engine, Store, wat2wasm
from wasmtime.component import Component, Linker

from wasaga import _relink, _wasm

COUNT = 1_000
BASE = 10
FUNCTIONS = "\n".join(
    f"(func $f{at} (param i32) (result i32) (i32.add (local.get 0) (i32.const {at})))" for at in range(COUNT)
)
NAMES = " ".join(f"$f{at}" for at in range(COUNT))

# As componentize-py links: `main` has the table, `libc` is there before `python`, and `init` fills in what is late.
LINKED = f"""
(component
  (core module $main
    (type $call (func (param i32) (result i32)))
    (table (export "__indirect_function_table") {BASE + COUNT} funcref)
    (memory (export "memory") 1)
    (global (export "python:table_base") i32 (i32.const {BASE}))
    (func (export "late") (param i32) (result i32) (call_indirect (type $call) (local.get 0) (i32.const 5)))
    (data (i32.const 16) "\\2a"))
  (core module $libc
    (type $call (func (param i32) (result i32)))
    (import "env" "__indirect_function_table" (table 1 funcref))
    (func (export "twice") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
    (func (export "by-pointer") (param i32 i32) (result i32)
      (call_indirect (type $call) (local.get 0) (local.get 1))))
  (core module $python
    (type $call (func (param i32) (result i32)))
    (import "env" "memory" (memory 1))
    (import "env" "__indirect_function_table" (table 1 funcref))
    (import "env" "__table_base" (global $base i32))
    (import "env" "twice" (func $twice (param i32) (result i32)))
    (import "env" "by-pointer" (func $by (param i32 i32) (result i32)))
    (import "env" "late" (func $late (param i32) (result i32)))
    {FUNCTIONS}
    (func (export "f7") (param i32) (result i32) (call $f7 (local.get 0)))
    (func (export "run") (param i32) (result i32)
      (i32.add
        (i32.add
          (call $twice (local.get 0))
          (call_indirect (type $call) (i32.const 1000) (i32.add (global.get $base) (local.get 0))))
        (i32.add
          (call $by (i32.const 100000) (i32.add (global.get $base) (i32.const 3)))
          (i32.add (call $late (i32.const 1000000)) (i32.load8_u (i32.const 16))))))
    (elem (global.get $base) func {NAMES}))
  (core module $init
    (import "env" "__indirect_function_table" (table 1 funcref))
    (import "env" "memory" (memory 1))
    (import "python" "f7" (func $f7 (param i32) (result i32)))
    (elem (i32.const 5) func $f7))
  (core instance $main (instantiate $main))
  (alias core export $main "__indirect_function_table" (core table $table))
  (alias core export $main "memory" (core memory $memory))
  (alias core export $main "python:table_base" (core global $base))
  (alias core export $main "late" (core func $late))
  (core instance $for-libc (export "__indirect_function_table" (table $table)))
  (core instance $libc (instantiate $libc (with "env" (instance $for-libc))))
  (alias core export $libc "twice" (core func $twice))
  (alias core export $libc "by-pointer" (core func $by))
  (core instance $for-python
    (export "memory" (memory $memory)) (export "__indirect_function_table" (table $table))
    (export "__table_base" (global $base)) (export "twice" (func $twice)) (export "by-pointer" (func $by))
    (export "late" (func $late)))
  (core instance $python (instantiate $python (with "env" (instance $for-python))))
  (core instance $init (instantiate $init (with "env" (instance $main)) (with "python" (instance $python))))
  (alias core export $python "run" (core func $run))
  (func (export "run") (param "of" u32) (result u32) (canon lift (core func $run))))
"""


def run(component: bytes, of: int) -> Any:
    engine = Engine(Config())
    store = Store(engine)
    instance = Linker(engine).instantiate(store, Component(engine, component))
    function = instance.get_func(store, "run")
    assert function is not None
    return function(store, of)


def test_a_component_that_is_relinked_does_the_same() -> None:
    linked = bytes(wat2wasm(LINKED))
    relinked = _relink.relink(linked)
    assert relinked != linked
    for of in (0, 9, COUNT - 1):
        expected = 2 * of + (1_000 + of) + (100_000 + 3) + (1_000_000 + 7) + 42
        assert run(linked, of) == run(relinked, of) == expected


def test_the_table_is_in_the_module_that_fills_it() -> None:
    relinked = _wasm.Component(_relink.relink(bytes(wat2wasm(LINKED))))
    (python,) = [module for module in relinked.modules.values() if len(module.sections.get(9, b"")) > COUNT]
    assert not [of for of in python.imports if of[2] == _wasm.TABLE]
    assert python.sections[4][:1] == b"\x01"


@pytest.mark.parametrize(
    "other",
    [
        "(component)",
        LINKED.replace(NAMES, "$f0"),
        LINKED.replace('(alias core export $main "python:table_base" (core global $base))', "")
        .replace('(export "__table_base" (global $base))', '(export "__table_base" (global $base))')
        .replace(
            "(core instance $for-python\n",
            '(core module $other (global (export "base") i32 (i32.const 10)))\n'
            "(core instance $other (instantiate $other))\n"
            '(alias core export $other "base" (core global $base))\n(core instance $for-python\n',
        ),
    ],
)
def test_one_of_another_form_stays_as_it_is(other: str) -> None:
    component = bytes(wat2wasm(other))
    assert _relink.relink(component) == component


@pytest.mark.parametrize("value", [0, 1, 63, 64, 127, 128, 5_328, 1 << 27, -1, -64, -65])
def test_numbers(value: int) -> None:
    assert _wasm.constant(b"\x41" + _wasm.leb(value, signed=True) + b"\x0b") == value
