//! What an instance has of the host: its limits, its empty WASI context, and the call it serves.

use wasaga_core::{Variables, Writes};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::{limits::Limits, output::Output};

/// The data of a store.
pub(crate) struct State {
    pub(crate) limits: Limits,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    /// What it is asked to do; none while it describes itself.
    pub(crate) serving: Option<Serving>,
    /// Why the host ended the call, where it did.
    pub(crate) breach: Option<String>,
    wasi: WasiCtx,
    table: ResourceTable,
}

/// One call, as the imports see it.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    pub(crate) variables: Variables,
    pub(crate) writes: Writes,
    /// Bytes of `writes`.
    pub(crate) written_bytes: usize,
    /// Lines that were logged.
    pub(crate) lines: usize,
}

impl State {
    /// No files, no environment, no arguments, no network: what a guest may do is granted, never
    /// inherited. Clocks and randomness are there, for nearly every standard library needs them.
    pub(crate) fn new(memory_bytes_max: usize) -> Self {
        let (stdout, stderr) = (Output::new("stdout"), Output::new("stderr"));
        let wasi = WasiCtx::builder()
            .stdout(stdout.clone())
            .stderr(stderr.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        Self {
            limits: Limits { memory_bytes_max, ..Limits::default() },
            stdout,
            stderr,
            serving: None,
            breach: None,
            wasi,
            table: ResourceTable::new(),
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
