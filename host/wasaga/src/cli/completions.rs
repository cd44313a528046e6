//! `wasaga completions`: what a shell needs to complete commands.

use clap::CommandFactory as _;

use crate::exit::Exit;

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Exit {
        clap_complete::generate(self.shell, &mut super::Cli::command(), "wasaga", &mut std::io::stdout());
        Exit::Completed
    }
}
