//! `wasaga completions`: what a shell needs to complete commands.

use crate::exit::Exit;
use crate::out;
use crate::shown::Shown;

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(self, mut command: clap::Command) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "wasaga", &mut script);
        out::answer(&Shown::ours(String::from_utf8(script)?))?;
        Ok(Exit::Completed)
    }
}
