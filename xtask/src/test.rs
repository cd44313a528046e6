//! All tests, with all set-up: what a newcomer types, and what CI runs. The long form is what is run before a release.

use std::time::Instant;

use crate::fuzz::Fuzz;
use crate::shell::{cargo, run, step};
use crate::simulate::Simulate;
use crate::torture::Torture;
use crate::{guests, host, hostile, python};

/// Seeds of the long form.
const SEEDS: u64 = 100_000;
/// Seconds that the long form gives to each fuzz target: enough to see that it works.
const FUZZ_SECONDS: u32 = 10;

#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// Only tests whose name has this in it
    #[arg(conflicts_with = "long")]
    filter: Option<String>,
    /// Also what takes hours: many seeds of the simulator, every mutation, every fuzz target, 200 kills and trouble
    #[arg(long)]
    long: bool,
}

impl Test {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let began = Instant::now();
        guests::build()?;
        python::guests()?;
        host::build()?;
        step("building the tests");
        run(cargo().args(["test", "--quiet", "--workspace", "--no-run"]))?;
        python::test()?;
        step("running the tests");
        let mut test = cargo();
        test.args(["test", "--workspace", "--no-fail-fast"]);
        let whole = self.filter.is_none();
        run(test.args(self.filter))?;
        if self.long {
            Fuzz::all(FUZZ_SECONDS).run()?;
            Torture::long().run()?;
            Simulate::of(SEEDS).run()?;
            Simulate::mutations().run()?;
        } else if whole {
            hostile::run()?;
            Torture::short().run()?;
        }
        println!("\nall tests passed, in {} s", began.elapsed().as_secs());
        Ok(())
    }
}
