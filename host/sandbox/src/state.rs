//! What an instance has of the host: its limits, its empty WASI context, and the call it serves.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;
use wasaga_core::{Call, Json, Name, Published, Writes};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::budget::Share;
use crate::http::{Hooks, Reach};
use crate::limits::{FIELDS_BYTES_MAX, Limits, RANDOM_BYTES_MAX, RESOURCES_MAX};
use crate::lines::Lines;
use crate::output::Output;

/// The data of a store.
pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    pub(crate) lines: Lines,
    /// What it is asked to do; none while it describes itself.
    pub(crate) serving: Option<Serving>,
    /// When it is stopped.
    pub(crate) deadline: Option<Instant>,
    /// What it may send.
    pub(crate) http: Hooks,
    /// Values that it may read.
    pub(crate) config: Arc<BTreeMap<String, String>>,
    wasi: WasiCtx,
    wasi_http: WasiHttpCtx,
    table: ResourceTable,
}

/// What an instance is granted.
#[derive(Clone, Default)]
pub(crate) struct Granted {
    pub(crate) reach: Option<Arc<Reach>>,
    pub(crate) config: Arc<BTreeMap<String, String>>,
}

/// One call, as the imports see it.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) call: Arc<Call>,
    /// What the call has set; none removes.
    pub(crate) variables: BTreeMap<Name, Option<Json>>,
    pub(crate) headers: BTreeMap<Name, Option<Arc<str>>>,
    pub(crate) published: Vec<Published>,
    /// Bytes of the transaction's variables, once they were counted.
    found_bytes: Option<usize>,
    /// Bytes of all that was written.
    pub(crate) written_bytes: usize,
}

impl Serving {
    fn new(call: Arc<Call>) -> Self {
        Self {
            call,
            variables: BTreeMap::new(),
            headers: BTreeMap::new(),
            published: Vec::new(),
            found_bytes: None,
            written_bytes: 0,
        }
    }

    /// Bytes of the variables that the transaction had when the call began.
    pub(crate) fn found_bytes(&mut self) -> usize {
        let variables = &self.call.variables;
        let count = || variables.iter().map(|(name, value)| name.len() + value.as_str().len()).sum();
        *self.found_bytes.get_or_insert_with(count)
    }

    /// How many headers the transaction would have with what this call wrote, and their bytes.
    pub(crate) fn header_sizes(&self) -> (usize, usize) {
        let kept = self.call.headers.iter().filter(|(name, _)| !self.headers.contains_key(*name));
        let set = self.headers.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        kept.chain(set).fold((0, 0), |(count, bytes), (name, value)| (count + 1, bytes + name.len() + value.len()))
    }

    /// What goes into the record of the call's success.
    pub(crate) fn into_writes(self) -> Writes {
        let mut writes = Writes { published: self.published, ..Writes::default() };
        for (name, value) in self.variables {
            match value {
                Some(value) => writes.variables.push((name, value)),
                None => writes.removed_variables.push(name),
            }
        }
        for (name, value) in self.headers {
            match value {
                Some(value) => writes.headers.push((name, value)),
                None => writes.removed_headers.push(name),
            }
        }
        writes
    }
}

impl State {
    /// Begins to serve a call.
    pub(crate) fn serve(&mut self, call: &Arc<Call>) {
        self.lines.begin(call.clone());
        self.http.begin(call, self.deadline);
        self.serving = Some(Serving::new(call.clone()));
    }

    /// Ends a call: what it wrote to its streams is passed on.
    pub(crate) fn end(&mut self) -> Writes {
        self.stdout.end();
        self.stderr.end();
        self.lines.end();
        self.serving.take().map(Serving::into_writes).unwrap_or_default()
    }

    /// No files, no environment, no arguments, no sockets: what a guest may do is granted, never
    /// inherited. Clocks and randomness are there, for nearly every standard library needs them.
    pub(crate) fn new(memory_bytes_max: usize, share: Option<Share>, granted: Granted) -> Self {
        let lines = Lines::new(granted.reach.clone());
        let (stdout, stderr) = (Output::new("stdout", &lines), Output::new("stderr", &lines));
        let wasi = WasiCtx::builder()
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM_BYTES_MAX)
            .build();
        let mut wasi_http = WasiHttpCtx::new();
        wasi_http.set_field_size_limit(FIELDS_BYTES_MAX);
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        Self {
            limits: Limits { memory_bytes_max, share, ..Limits::default() },
            stdout,
            stderr,
            lines,
            serving: None,
            deadline: None,
            http: Hooks::new(granted.reach),
            config: granted.config,
            wasi,
            wasi_http,
            table,
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
