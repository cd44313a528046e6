//! `wasaga completions`: what a shell needs to complete commands.

use crate::exit::Exit;

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

impl Completions {
    pub(crate) fn run(self, mut command: clap::Command) -> Exit {
        clap_complete::generate(self.shell, &mut command, "wasaga", &mut std::io::stdout());
        Exit::Completed
    }
}
