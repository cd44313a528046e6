//! The simulator's command: runs seeds, or sees whether it finds what is broken on purpose.

mod mutations;
mod seeds;

use std::process::ExitCode;

use anyhow::{Context as _, bail};

const USAGE: &str = "\
wasaga-simulator --seeds N [--from S] [--threads T]   runs N seeds from S on (default 0) and checks each
wasaga-simulator mutations [--seeds N] [--only NAME]  breaks the code on purpose and looks whether that is found
wasaga-simulator rules                                lists what is checked";

/// What was typed.
#[derive(Debug, Default)]
struct Typed {
    seeds: Option<u64>,
    from: u64,
    threads: Option<usize>,
    only: Option<String>,
    quiet: bool,
}

fn main() -> ExitCode {
    match command() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn command() -> anyhow::Result<ExitCode> {
    let mut words = std::env::args().skip(1).peekable();
    let named = words.next_if(|word| !word.starts_with('-'));
    let typed = read(words)?;
    match named.as_deref() {
        None | Some("run") => {
            let threads = typed.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
            let order = seeds::Order { from: typed.from, count: typed.seeds.unwrap_or(1_000), threads };
            Ok(seeds::run(&order, typed.quiet))
        }
        Some("mutations") => mutations::run(typed.seeds.unwrap_or(2_000), typed.only.as_deref()),
        Some("rules") => {
            for (name, says) in wasaga_simulator::checker::RULES {
                println!("{name:<20} {says}");
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(other) => bail!("there is no command `{other}`"),
    }
}

fn read(mut words: impl Iterator<Item = String>) -> anyhow::Result<Typed> {
    let mut typed = Typed::default();
    while let Some(word) = words.next() {
        if word == "--quiet" {
            typed.quiet = true;
            continue;
        }
        let value = words.next().with_context(|| format!("`{word}` needs a value"))?;
        let number = || value.parse::<u64>().with_context(|| format!("`{word}` takes a number, and not `{value}`"));
        match word.as_str() {
            "--seeds" => typed.seeds = Some(number()?),
            "--from" => typed.from = number()?,
            "--threads" => typed.threads = Some(number()?.clamp(1, 256) as usize),
            "--only" => typed.only = Some(value),
            _ => bail!("there is no option `{word}`"),
        }
    }
    Ok(typed)
}
