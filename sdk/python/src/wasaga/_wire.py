"""Between the SDK's words and the classes that componentize-py makes of the contract."""

from __future__ import annotations

import json
from typing import Any

from wit_world.exports import metadata as wit
from wit_world.imports import log as host_log
from wit_world.imports import store, transaction
from wit_world.imports import wasaga_plugin_types as types

from wasaga import _wasi_http, context
from wasaga._json import write
from wasaga._table import Description, Limits, Origin, Parameter, Participant, Saga, Step, Tcc, Undo
from wasaga._types import Mismatch
from wasaga.call import Call, Failure, Forward
from wasaga.errors import Error, told

_LEVELS = {name: getattr(host_log.Level, name.upper()) for name in ("trace", "debug", "info", "warn", "error")}
_CAPABILITIES = {
    "http": wit.Capability_OutgoingHttp,
    "config": wit.Capability_Config,
    "secrets": wit.Capability_Secret,
}


class Host:
    """The host that has loaded the component."""

    variable = staticmethod(transaction.variable)
    config = staticmethod(store.get)
    send = staticmethod(_wasi_http.send)

    @staticmethod
    def set_variable(name: str, value: str) -> None:
        """Set a variable to a JSON text."""
        transaction.set_variable(_whole(name), value)

    @staticmethod
    def set_header(name: str, value: str) -> None:
        """Set a header."""
        transaction.set_header(_whole(name), _whole(value))

    @staticmethod
    def publish(topic: str, key: str | None, payload: str) -> None:
        """Publish a JSON text."""
        transaction.publish(_whole(topic), None if key is None else _whole(key), payload)

    @staticmethod
    def log(level: str, message: str, fields: list[tuple[str, str]]) -> None:
        """Write a line of the log."""
        host_log.log(_LEVELS[level], _whole(message), [(_whole(name), _whole(value)) for name, value in fields])


def _whole(text: str) -> str:
    """Replace half characters, which no host could take."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def call(of: Any) -> Call:
    """Read a call."""
    return Call(
        of.transaction_id,
        of.definition,
        of.node,
        of.item,
        of.attempt,
        of.idempotency_key,
        of.deadline,
        dict(of.headers) if of.headers else {},
    )


def forward(of: Any) -> Forward:
    """Read what is known of a step or a try."""
    if isinstance(of, types.Forward_Completed):
        return Forward("completed", of.value)
    if isinstance(of, types.Forward_Rejected):
        failed = of.value
        details = None if failed.details is None else json.loads(failed.details)
        return Forward("rejected", None, Failure(failed.code, failed.message, details))
    return Forward("unknown")


def error(raised: Error) -> Any:
    """Write an error."""
    of = told(raised)
    if of.kind == "pending":
        return types.Error_Pending(of.after_ms or 0)
    failure = types.Failure(_whole(of.code), _whole(of.message), _details(of.details))
    if of.kind == "rejected":
        return types.Error_Rejected(failure)
    retry = types.Retry(failure, of.after_ms)
    return types.Error_Retryable(retry) if of.kind == "retryable" else types.Error_Unknown(retry)


def _details(of: Any) -> str | None:
    """Write details; what cannot be JSON is left out."""
    if of is None:
        return None
    try:
        return write(context.plain(of))
    except (Mismatch, RecursionError, ValueError):
        return None


def module(of: Description) -> Any:
    """Write what the component says of itself."""
    return wit.Module(
        of.name,
        of.version,
        of.description,
        [
            *(wit.Definition_Saga(_saga(saga)) for saga in of.sagas),
            *(wit.Definition_Tcc(_tcc(tcc)) for tcc in of.tccs),
        ],
        [_CAPABILITIES[kind](text) for kind, text in of.asked],
        of.calls_per_instance,
        list(of.annotations),
    )


def _saga(of: Saga) -> Any:
    policy = None if of.policy is None else wit.CompensationPolicy[of.policy.upper().replace("-", "_")]
    steps = [_step(step) for step in of.steps.values()]
    return wit.Saga(of.name, of.description, of.input_schema, steps, policy, of.deadline_ms, of.concurrency, [])


def _step(of: Step) -> Any:
    return wit.Step(
        of.id,
        of.description,
        list(of.depends_on),
        wit.Action_Here() if of.provider is None else wit.Action_Provided(of.provider),
        [_parameter(parameter) for parameter in of.parameters],
        of.output_schema,
        of.condition,
        None if of.each is None else _source(of.each),
        of.at_most_once,
        _limits(of.limits),
        None if of.undo is None else _undo(of.undo),
        None,
        [],
    )


def _undo(of: Undo) -> Any:
    parameters = [_parameter(parameter) for parameter in of.parameters]
    return wit.Compensation(of.name, parameters, _limits(of.limits), of.critical)


def _tcc(of: Tcc) -> Any:
    participants = [_participant(one) for one in of.participants.values()]
    return wit.Tcc(of.name, of.description, of.input_schema, participants, of.deadline_ms, [])


def _participant(of: Participant) -> Any:
    return wit.Participant(
        of.id,
        of.description,
        of.provider,
        of.order,
        of.optional,
        [_parameter(parameter) for parameter in of.parameters],
        _limits(of.attempt.limits),
        _limits(of.confirm.limits),
        _limits(of.cancel.limits),
        None,
        [],
    )


def _parameter(of: Parameter) -> Any:
    return wit.Parameter(of.name, _source(of.origin), of.required, of.schema)


def _source(of: Origin) -> Any:
    match of.kind:
        case "input":
            return wit.Source_Input(of.at)
        case "step-output":
            return wit.Source_StepOutput(wit.StepOutput(of.name, of.at))
        case "variable":
            return wit.Source_Variable(of.name)
        case "header":
            return wit.Source_Header(of.name)
        case "item":
            return wit.Source_Item(of.at)
        case "own-output":
            return wit.Source_OwnOutput(of.at)
        case "compensation-output":
            return wit.Source_CompensationOutput(of.name)
        case "cause":
            return wit.Source_Cause()
        case _:
            return wit.Source_Literal(of.name)


def _limits(of: Limits) -> Any:
    retry = of.retry
    policy = retry and wit.RetryPolicy(
        retry.attempts, retry.delay_ms, retry.max_delay_ms, retry.multiplier, retry.jitter
    )
    return wit.Limits(of.timeout_ms, of.total_timeout_ms, of.fuel, of.memory_bytes, policy)
