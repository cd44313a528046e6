//! All tests, with all set-up: what a newcomer types, and what CI runs.

use std::time::Instant;

use crate::shell::{cargo, run, step};
use crate::torture::Torture;
use crate::{guests, host, python};

#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// Only tests whose name has this in it
    filter: Option<String>,
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
        if whole {
            Torture::short().run()?;
        }
        println!("\nall tests passed, in {} s", began.elapsed().as_secs());
        Ok(())
    }
}
