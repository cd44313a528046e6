//! The attribute macros of the wasaga SDK. They read a module of plain functions, leave the
//! functions as they are, and add a table beside them that the SDK registers. Deliberately absent:
//! what the table means at run time (`wasaga`).

mod expand;
mod operation;
mod saga;
mod settings;
mod units;

use proc_macro::TokenStream;

/// Makes a saga of a module: functions with `#[step]` are its steps, those with `#[compensation]`
/// undo them, and all stay plain functions.
///
/// Settings: `name = "…"` (default: the module's name), `deadline = "2m"`, `concurrency = 4`,
/// `policy = "strict-sequential"` (or `grouped-parallel`, `retry-with-backoff`, `circuit-breaker`,
/// `best-effort-parallel`). The module's doc comment describes the saga.
///
/// `#[step(…)]`: `id = "…"` (default: the function's name), `depends_on = [a, b]`, `timeout = "2s"`,
/// `total_timeout = "1m"`, `fuel = 1_000_000`, `memory = "64MiB"`,
/// `retry(attempts = 3, delay = "200ms", max_delay = "5s", multiplier = 2.0, jitter = 0.3)`,
/// `condition = "input.total > 100"` (CEL), `each = lines` or `each(step = "plan", at = "/parts")`,
/// `at_most_once`.
///
/// `#[compensation(of = step, …)]`: `critical`, and `timeout`, `total_timeout`, `fuel`, `memory` and
/// `retry` as above.
///
/// Arguments follow one rule. A parameter of type `Call` is the call, one of type `Forward` what is
/// known of the step to undo. One with the name of a step is that step's output, and makes the step
/// a dependency. `input` is the whole input, `item` in a step with `each` the element; in a
/// compensation `output` is what is undone and `cause` is why. Any other name is that field of the
/// input. `#[from(…)]` on a parameter says what this rule cannot: `input`, `step = "…"`, `variable =
/// "…"`, `header = "…"`, `item`, `output`, `compensation_of = "…"`, `cause`, `literal = …`, `json = "…"`,
/// each but the last four with `at = "/json/pointer"` where a part is wanted. `Option` makes a
/// parameter not required. A leading underscore is not part of the name.
#[proc_macro_attribute]
pub fn saga(settings: TokenStream, module: TokenStream) -> TokenStream {
    saga::saga(settings.into(), module.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Marks a step; see [`macro@saga`].
#[proc_macro_attribute]
pub fn step(_: TokenStream, function: TokenStream) -> TokenStream {
    outside("step", function)
}

/// Marks the compensation of a step; see [`macro@saga`].
#[proc_macro_attribute]
pub fn compensation(_: TokenStream, function: TokenStream) -> TokenStream {
    outside("compensation", function)
}

fn outside(attribute: &str, function: TokenStream) -> TokenStream {
    let message = format!("`#[{attribute}]` belongs on a function in a module with `#[saga]`");
    let span = function.into_iter().next().map_or_else(proc_macro2::Span::call_site, |token| token.span().into());
    syn::Error::new(span, message).into_compile_error().into()
}
