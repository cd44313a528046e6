//! What an instance has of the host: its limits, its empty WASI context, and the call it serves.

use std::sync::Arc;

use tokio::time::Instant;
use wasaga_core::{Call, CallId, Headers, TransactionId, Variables, Writes};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_config::WasiConfigVariables;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::http::{Hooks, Reach};
use crate::{
    budget::Share,
    limits::Limits,
    output::{Label, Output},
};

/// The data of a store.
pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    whose: Label,
    /// What it is asked to do; none while it describes itself.
    pub(crate) serving: Option<Serving>,
    /// When it is stopped.
    pub(crate) deadline: Option<Instant>,
    /// Why the host ended the call, where it did.
    pub(crate) breach: Option<String>,
    /// What it may send.
    pub(crate) http: Hooks,
    /// Values that it may read.
    pub(crate) config: Arc<WasiConfigVariables>,
    wasi: WasiCtx,
    wasi_http: WasiHttpCtx,
    table: ResourceTable,
}

/// What an instance is granted.
#[derive(Clone, Default)]
pub(crate) struct Granted {
    pub(crate) reach: Option<Arc<Reach>>,
    pub(crate) config: Arc<WasiConfigVariables>,
}

/// Whose line of the log it is.
#[derive(Clone, Debug)]
pub(crate) struct Whose {
    pub(crate) transaction: TransactionId,
    pub(crate) call: CallId,
}

/// One call, as the imports see it.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    pub(crate) variables: Variables,
    pub(crate) headers: Headers,
    pub(crate) writes: Writes,
    /// Bytes of `variables`, once they were counted.
    found_bytes: Option<usize>,
    /// Bytes of `writes`.
    pub(crate) written_bytes: usize,
    /// Lines that were logged.
    pub(crate) lines: usize,
    pub(crate) whose: Option<Whose>,
}

impl Serving {
    /// Bytes of the variables that the transaction had, and of what this call wrote beside them.
    pub(crate) fn variable_bytes(&mut self) -> usize {
        let variables = &self.variables;
        let count = || variables.iter().map(|(name, value)| name.len() + value.as_str().len()).sum();
        *self.found_bytes.get_or_insert_with(count) + self.written_bytes
    }

    /// How many headers the transaction would have with what this call wrote, and their bytes.
    pub(crate) fn header_sizes(&self) -> (usize, usize) {
        let written = &self.writes.headers;
        let kept = self.headers.iter().filter(|(name, _)| written.iter().all(|(new, _)| new != *name));
        let sizes = kept.chain(written.iter().map(|(name, value)| (name, value)));
        sizes.fold((0, 0), |(count, bytes), (name, value)| (count + 1, bytes + name.len() + value.len()))
    }
}

/// A line of the log at a constant level, with the call that it is of.
macro_rules! guest_line {
    ($level:ident, $whose:expr, $($rest:tt)+) => {
        match $whose {
            Some(whose) => tracing::$level!(
                target: "wasaga::guest",
                transaction = %whose.transaction,
                call = %whose.call,
                $($rest)+
            ),
            None => tracing::$level!(target: "wasaga::guest", $($rest)+),
        }
    };
}
pub(crate) use guest_line;

impl State {
    /// Begins to serve a call.
    pub(crate) fn serve(&mut self, call: &Call) {
        let whose = Whose { transaction: call.transaction, call: call.id.clone() };
        *self.whose.lock() = Some(whose.clone());
        self.http.begin(call, self.deadline);
        let (variables, headers) = (call.variables.clone(), call.headers.clone());
        self.serving = Some(Serving { variables, headers, whose: Some(whose), ..Serving::default() });
    }

    /// No files, no environment, no arguments, no sockets: what a guest may do is granted, never
    /// inherited. Clocks and randomness are there, for nearly every standard library needs them.
    pub(crate) fn new(memory_bytes_max: usize, share: Option<Share>, granted: Granted) -> Self {
        let whose = Label::default();
        let (stdout, stderr) = (Output::new("stdout", &whose), Output::new("stderr", &whose));
        let wasi = WasiCtx::builder()
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        Self {
            limits: Limits { memory_bytes_max, share, ..Limits::default() },
            stdout,
            stderr,
            whose,
            serving: None,
            deadline: None,
            breach: None,
            http: Hooks::new(granted.reach),
            config: granted.config,
            wasi,
            wasi_http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.wasi_http, table: &mut self.table, hooks: &mut self.http }
    }
}
