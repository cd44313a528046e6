//! The simulator's long form, in a profile of its own: our rooms optimised, nothing that costs minutes to build.

use crate::shell::{cargo, run, step};

#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Breaks the core and the engine on purpose instead, and looks whether each break is found
    #[arg(long)]
    mutations: bool,
}

impl Simulate {
    /// So many seeds, from the first on.
    pub(crate) fn of(seeds: u64) -> Self {
        Self { seeds, from: 0, mutations: false }
    }

    /// Every mutation.
    pub(crate) fn mutations() -> Self {
        Self { seeds: 0, from: 0, mutations: true }
    }

    pub(crate) fn run(self) -> anyhow::Result<()> {
        step("building the simulator");
        let mut simulator = cargo();
        simulator.args(["run", "--quiet", "--profile", "simulate", "--package", "wasaga-simulator", "--"]);
        if self.mutations {
            return run(simulator.arg("mutations"));
        }
        run(simulator.args(["--seeds", &self.seeds.to_string(), "--from", &self.from.to_string()]))
    }
}
