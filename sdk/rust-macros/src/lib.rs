//! The attribute macros of the wasaga SDK. They read a module of plain functions, leave the
//! functions as they are, and add a table beside them that the SDK registers. Deliberately absent:
//! what the table means at run time (`wasaga`).

mod caller;
mod expand;
mod labels;
mod limits;
mod marked;
mod module;
mod operation;
mod provided;
mod saga;
mod settings;
mod source;
mod tcc;
mod units;
mod values;
mod words;

use proc_macro::TokenStream;
use quote::ToTokens as _;

/// Makes a saga of a module: functions with `#[step]` are its steps, those with `#[compensation]`
/// undo them, and all stay plain functions.
///
/// Settings: `name = "…"` (default: the module's name), `deadline = "2m"`, `concurrency = 4`,
/// `policy = "strict-sequential"` (or `grouped-parallel`, `retry-with-backoff`, `circuit-breaker`,
/// `best-effort-parallel`), `labels(customer = "/customer/id", size(at = "/size", integer))`: values of the input by which
/// transactions are found, texts unless `integer` or `flag` is said. The module's doc comment describes the saga.
///
/// `#[step(…)]`: `id = "…"` (default: the function's name), `depends_on = [a, b]`, `timeout = "2s"`,
/// `total_timeout = "1m"`, `fuel = 1_000_000`, `memory = "64MiB"`,
/// `retry(attempts = 3, delay = "200ms", max_delay = "5s", multiplier = 2.0, jitter = 0.3)`, each alone: what is not said
/// is the host's;
/// `condition = "input.total > 100"` (CEL), `each = lines` or `each(step = "plan", at = "/parts")`,
/// `at_most_once`, `provider = "…"`: another module does it, by the same id. Such a step and its compensation
/// have no body, `fn charge(card: String) -> Payment;`, for there is nothing here to call.
///
/// `#[compensation(of = step, …)]`: `critical`, and `timeout`, `total_timeout`, `fuel`, `memory` and
/// `retry` as above.
///
/// Arguments follow one rule. A parameter of type `Call` is the call, one of type `Forward` what is
/// known of the step to undo. One with the name of a step is that step's output, and makes the step
/// a dependency; `-` in a step's id is `_` there. `input` is the whole input, `item` in a step with `each` the element; in a
/// compensation `output` is what is undone and `cause` is why. Any other name is that field of the
/// input. `#[from(…)]` on a parameter says what this rule cannot: `input`, `step = "…"`, `variable =
/// "…"`, `header = "…"`, `item`, `output`, `compensation_of = "…"`, `cause`, `literal = …`, `json = "…"`, with `at =
/// "/json/pointer"` where a part of an input, an output or an item is wanted; and `call` and `forward`, for types of
/// another name. A type of your own that is called `Call` is an argument where `#[from(…)]` says so. `Option` makes a
/// parameter not required. A leading underscore is not part of the name.
#[proc_macro_attribute]
pub fn saga(settings: TokenStream, module: TokenStream) -> TokenStream {
    let expanded = saga::read(settings.into(), module.into()).map(|(module, saga)| with(module, expand::saga(&saga)));
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
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

/// Makes a TCC of a module: functions with `#[participant]` reserve, those with `#[confirm]` make that
/// final, those with `#[cancel]` free it, and all stay plain functions.
///
/// Settings: `name = "…"` (default: the module's name), `deadline = "30s"` (of the tries), `labels(…)` as for a saga. The module's
/// doc comment describes the TCC.
///
/// `#[participant(…)]` marks a try: `id = "…"` (default: the function's name), `order = 1` (default 0;
/// tried and confirmed in rising order, cancelled in falling, equal ones together), `optional`, `provider =
/// "…"` (another module has its three operations; then it has no body, no confirm and no cancel here), and
/// `timeout`, `total_timeout`, `fuel`, `memory` and `retry` as for a step of a [`macro@saga`].
///
/// `#[confirm(of = participant, …)]` and `#[cancel(of = participant, …)]`: each participant has one of
/// each. They take the same limits; without `attempts` they are tried as often as the host does.
///
/// Arguments follow the rule of [`macro@saga`]. A parameter with the name of a participant is what that
/// one's try answered, which must have a lower order. In a confirm and a cancel `output`, or the
/// participant's own name, is what its try answered; in a cancel it is an `Option`, for the try may not
/// have happened, and a parameter of type `Forward` says what is known of it. All other arguments are
/// those of the try: they are bound once, and the three functions share them.
#[proc_macro_attribute]
pub fn tcc(settings: TokenStream, module: TokenStream) -> TokenStream {
    let expanded = tcc::read(settings.into(), module.into()).map(|(module, tcc)| with(module, expand::tcc(&tcc)));
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Marks the try of a participant; see [`macro@tcc`].
#[proc_macro_attribute]
pub fn participant(_: TokenStream, function: TokenStream) -> TokenStream {
    outside_tcc("participant", function)
}

/// Marks what makes a try final; see [`macro@tcc`].
#[proc_macro_attribute]
pub fn confirm(_: TokenStream, function: TokenStream) -> TokenStream {
    outside_tcc("confirm", function)
}

/// Marks what frees a try; see [`macro@tcc`].
#[proc_macro_attribute]
pub fn cancel(_: TokenStream, function: TokenStream) -> TokenStream {
    outside_tcc("cancel", function)
}

/// Says of the whole module what its sagas and TCCs do not. All of it may be left out:
///
/// - `name`: by which other modules and the operator know it; the crate's name otherwise.
/// - `instances(calls = 256)`: how many calls one instance may serve, 1 otherwise. More than one is faster, and
///   then what a call leaves in memory is there for the next.
/// - `http`: the origins that it sends requests to, such as `https://api.example.com` or `https://*.example.com:8443`.
/// - `config`: the keys of the values that it reads.
/// - `secrets`: the names of those that it uses in requests.
///
/// ```ignore
/// wasaga::module! { name = "shop", instances(calls = 256), http = ["https://api.example.com"] }
/// ```
#[proc_macro]
pub fn module(settings: TokenStream) -> TokenStream {
    module::module(settings.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// The module, with one more item at its end.
fn with(mut module: syn::ItemMod, item: proc_macro2::TokenStream) -> proc_macro2::TokenStream {
    if let Some((_, items)) = &mut module.content {
        items.push(syn::Item::Verbatim(item));
    }
    module.into_token_stream()
}

fn outside_tcc(attribute: &str, function: TokenStream) -> TokenStream {
    misplaced(&format!("`#[{attribute}]` belongs on a function in a module with `#[tcc]`"), function)
}

fn outside(attribute: &str, function: TokenStream) -> TokenStream {
    misplaced(&format!("`#[{attribute}]` belongs on a function in a module with `#[saga]`"), function)
}

fn misplaced(message: &str, function: TokenStream) -> TokenStream {
    let span = function.into_iter().next().map_or_else(proc_macro2::Span::call_site, |token| token.span().into());
    syn::Error::new(span, message).into_compile_error().into()
}
