//! Everything a guest should not do. Each saga does one of them in its only step, or in the
//! compensation of it; all must end as an outcome of their step, and none may disturb another.

pub mod writes;

use std::hint::black_box;
use std::io::Write as _;
use std::time::Duration;

use wasaga::{Error, context, log, saga};

/// Never comes back.
fn spin() -> u64 {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
        if turns == u64::MAX {
            return turns;
        }
    }
}

fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if black_box(depth) == u64::MAX { 0 } else { recurse(depth + 1) + frame[0] }
}

/// A busy loop, stopped by the clock.
#[saga(name = "busy-loop")]
pub mod busy_loop {
    /// Never comes back.
    #[step(timeout = "300ms", fuel = 1_000_000_000_000, retry(attempts = 1))]
    pub fn work() -> u64 {
        super::spin()
    }
}

/// A busy loop, stopped by its fuel.
#[saga(name = "fuel-eater")]
pub mod fuel_eater {
    /// Never comes back.
    #[step(fuel = 5_000_000, retry(attempts = 1))]
    pub fn work() -> u64 {
        super::spin()
    }
}

/// A busy loop in a compensation.
#[saga(name = "busy-compensation")]
pub mod busy_compensation {
    use super::*;

    /// Works.
    #[step]
    pub fn work() {}

    /// Never comes back.
    #[compensation(of = work, timeout = "300ms", fuel = 1_000_000_000_000)]
    pub fn undo() -> u64 {
        spin()
    }

    /// Makes the saga unwind.
    #[step(depends_on = [work])]
    pub fn refuse() -> Result<(), Error> {
        Err(Error::rejected("no", "it was told to"))
    }
}

/// Takes all the memory it can get.
#[saga(name = "allocation-bomb")]
pub mod allocation_bomb {
    use super::*;

    /// Takes it.
    #[step(memory = "32MiB", retry(attempts = 1))]
    pub fn work() -> usize {
        let mut hoard = Vec::new();
        loop {
            hoard.push(black_box(vec![1u8; 1 << 20]));
            if hoard.len() == usize::MAX {
                return hoard.len();
            }
        }
    }
}

/// Recurses without end.
#[saga(name = "deep-recursion")]
pub mod deep_recursion {
    /// Recurses.
    #[step(retry(attempts = 1))]
    pub fn work() -> u64 {
        super::recurse(0)
    }
}

/// Panics.
#[saga]
pub mod panic {
    /// Panics.
    #[step(retry(attempts = 1))]
    pub fn work() {
        let nothing: Option<u32> = std::hint::black_box(None);
        nothing.expect("there is always something");
    }
}

/// Ends its process.
#[saga]
pub mod exit {
    /// Ends.
    #[step(retry(attempts = 1))]
    pub fn work() {
        std::process::exit(3);
    }
}

/// Answers more than anyone can read.
#[saga(name = "huge-output")]
pub mod huge_output {
    /// Answers 24 MiB.
    #[step(retry(attempts = 1))]
    pub fn work() -> String {
        "x".repeat(24 << 20)
    }
}

/// Writes to stderr without end.
#[saga(name = "endless-stderr")]
pub mod endless_stderr {
    use super::*;

    /// Writes.
    #[step(timeout = "300ms", fuel = 1_000_000_000_000, retry(attempts = 1))]
    pub fn work() -> Result<(), Error> {
        loop {
            writeln!(std::io::stderr(), "no end in sight")?;
        }
    }
}

/// Writes as much as it is told to, and no more.
#[saga]
pub mod talker {
    use super::*;

    /// Writes lines of 64 bytes, the last as long as is left, to both streams.
    #[step]
    pub fn work(bytes: usize) -> Result<(), Error> {
        let text = "a line of sixty-three bytes, and the end of the line is one....\n".repeat(bytes / 64 + 1);
        let mut stdout = std::io::stdout();
        stdout.write_all(&text.as_bytes()[..bytes])?;
        stdout.flush()?;
        std::io::stderr().write_all(&text.as_bytes()[..bytes])?;
        Ok(())
    }
}

/// Sleeps for an hour.
#[saga]
pub mod sleeper {
    use super::*;

    /// Sleeps.
    #[step(timeout = "300ms", retry(attempts = 1))]
    pub fn work() {
        std::thread::sleep(Duration::from_secs(3_600));
    }
}

/// Writes log lines without end.
#[saga(name = "log-flood")]
pub mod log_flood {
    use super::*;

    /// Writes.
    #[step(timeout = "300ms", fuel = 1_000_000_000_000, retry(attempts = 1))]
    pub fn work() -> u64 {
        loop {
            log::info("again", &[("and", "again")]);
            if black_box(false) {
                return 0;
            }
        }
    }
}

/// Sets variables without end.
#[saga(name = "variable-flood")]
pub mod variable_flood {
    use super::*;

    /// Sets them.
    #[step(timeout = "5s", fuel = 1_000_000_000_000, retry(attempts = 1))]
    pub fn work() -> Result<(), Error> {
        let value = "x".repeat(64 << 10);
        for i in 0u64.. {
            context::set_variable(&format!("v{i}"), &value)?;
        }
        Ok(())
    }
}

/// Behaves, to show that it may.
#[saga]
pub mod neighbour {
    use super::*;

    /// Counts.
    #[step]
    pub fn first() -> u32 {
        1
    }

    /// Counts on.
    #[step]
    pub fn second(first: u32) -> u32 {
        black_box(first) + 1
    }
}
