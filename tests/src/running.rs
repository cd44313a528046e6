//! A host that runs while a test does something to it, with its log read as it is written. Deliberately
//! absent: what is done to it (`trouble`).

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use crate::{COMMAND_MAX, Ended, end};

/// A running command.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    log: Vec<String>,
}

impl Running {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
        let stderr = child.stderr.take().expect("it was asked for");
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // The test may be over.
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines, log: Vec::new() }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of its log that has this in it, and answers the line.
    pub fn until(&mut self, part: &str) -> String {
        let began = Instant::now();
        loop {
            match self.lines.recv_timeout(COMMAND_MAX.saturating_sub(began.elapsed())) {
                Ok(line) => {
                    self.log.push(line);
                    if let Some(line) = self.log.last().filter(|line| line.contains(part)) {
                        return line.clone();
                    }
                }
                Err(error) => {
                    // It must not outlive the test; one that has ended is not there to be killed.
                    let _ = self.child.kill();
                    let why = if error == RecvTimeoutError::Timeout { "in time" } else { "before its end" };
                    panic!("no line has `{part}` {why}: {:#?}", self.log);
                }
            }
        }
    }

    /// Kills it; answers its log.
    pub fn kill(mut self) -> String {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
        self.log.extend(self.lines.iter());
        self.log.join("\n")
    }

    /// Waits for its end.
    pub fn end(self) -> Ended {
        let Self { child, lines, mut log } = self;
        let ended = end(child);
        log.extend(lines.iter());
        Ended { stderr: log.join("\n"), ..ended }
    }
}
