//! Two minutes for a newcomer: a saga that works, one that is undone, one that is killed and resumed.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::{guests, host, shell};

/// What the demo has to work with.
struct Demo {
    binary: PathBuf,
    order: PathBuf,
    journal: String,
}

pub(crate) fn run() -> anyhow::Result<()> {
    guests::build()?;
    let directory = std::env::temp_dir().join(format!("wasaga-demo-{}", std::process::id()));
    let demo = Demo {
        binary: host::build()?,
        order: guests::path("order"),
        journal: format!("sqlite:{}/journal.db", directory.display()),
    };
    let shown = demo.show();
    // The journal was for the demo only.
    drop(std::fs::remove_dir_all(&directory));
    shown?;
    println!("\nThat was wasaga. README.md goes on from here: write a saga of your own, and run it.");
    Ok(())
}

impl Demo {
    fn show(&self) -> anyhow::Result<()> {
        shell::step("the graph of the saga `order`; ⇠ names what undoes a step");
        self.expect(0, &["graph", path(&self.order)])?;

        shell::step("1. an order that works");
        self.expect(0, &["run", path(&self.order), "--input", &order("o-1", "good", 0)])?;

        shell::step("2. the card is declined: what was reserved is released");
        self.expect(3, &["run", path(&self.order), "--input", &order("o-2", "declined", 0)])?;

        shell::step(
            "3. the process is killed in the middle of `reserve` (kill -9), and the order goes on where the journal ends",
        );
        self.kill_in_the_middle(&order("o-3", "good", 400))?;
        self.expect(0, &["transactions", "list"])?;
        self.expect(0, &["resume"])?;
        self.expect(0, &["transactions", "list"])
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(args).env("WASAGA_JOURNAL", &self.journal);
        command
    }

    fn expect(&self, code: i32, args: &[&str]) -> anyhow::Result<()> {
        let mut command = self.command(args);
        println!("\n$ {}", shell::name(&command));
        let status = command.status().context("the host cannot be started")?;
        ensure!(status.code() == Some(code), "it ended with {status}, and {code} was expected");
        Ok(())
    }

    fn kill_in_the_middle(&self, input: &str) -> anyhow::Result<()> {
        let mut command = self.command(&["run", path(&self.order), "--input", input]);
        println!("\n$ {}", shell::name(&command));
        let mut child = command.stdout(Stdio::piped()).spawn().context("the host cannot be started")?;
        let lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
        for line in lines {
            let line = line?;
            println!("{line}");
            if line.contains("validate ") {
                break;
            }
        }
        child.kill()?;
        child.wait()?;
        println!("  (killed)");
        Ok(())
    }
}

fn order(id: &str, card: &str, delay_ms: u32) -> String {
    format!(r#"{{"id":"{id}","sku":"tea","quantity":2,"card":"{card}","delay_ms":{delay_ms}}}"#)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap_or("guest_order.wasm")
}
