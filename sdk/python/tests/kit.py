"""What the tests share: calls by name, as the host makes them."""

import json
from typing import Any

from wasaga import Call, Error, Forward, _registry
from wasaga.errors import Told, told


def outcome(definition: str, node: str, /, **arguments: Any) -> Told:
    """Give the error of a step, as the host is told of it."""
    try:
        answer = run(definition, node, **arguments)
    except Error as error:
        return told(error)
    raise AssertionError(f"it answered {answer!r}")


def run(definition: str, node: str, /, **arguments: Any) -> Any:
    return json.loads(_registry.step(definition, node).answer(json.dumps(arguments), None, Call.sample()))


def undo(definition: str, node: str, forward: Forward | None = None, /, **arguments: Any) -> Any:
    forward = forward or Forward.unknown()
    operation = _registry.compensation(definition, node)
    return json.loads(operation.answer(json.dumps(arguments), forward, Call.sample()))


def attempt(definition: str, node: str, /, **arguments: Any) -> Any:
    return json.loads(_registry.attempt(definition, node).answer(json.dumps(arguments), None, Call.sample()))


def confirm(definition: str, node: str, tried: Any = None, /, **arguments: Any) -> Any:
    operation = _registry.confirm(definition, node)
    return json.loads(operation.answer(json.dumps(arguments), Forward.completed(tried), Call.sample()))


def cancel(definition: str, node: str, forward: Forward | None = None, /, **arguments: Any) -> Any:
    operation = _registry.cancel(definition, node)
    answer = operation.answer(json.dumps(arguments), forward or Forward.unknown(), Call.sample())
    return json.loads(answer)


def tcc(name: str) -> Any:
    return next(tcc for tcc in reversed(_registry._tccs) if tcc.name == name)


def saga(name: str) -> Any:
    return next(saga for saga in reversed(_registry._sagas) if saga.name == name)


def sources(name: str, node: str, *, of_undo: bool = False) -> dict[str, tuple[str, str, str | None, bool]]:
    step = saga(name).steps[node]
    parameters = step.undo.parameters if of_undo else step.parameters
    return {of.name: (of.origin.kind, of.origin.name, of.origin.at, of.required) for of in parameters}
