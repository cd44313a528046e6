//! Random input for what comes from outside. The targets are in `fuzz/`, a workspace of its own; libFuzzer
//! drives them, and its instrumentation is had from the stable compiler by flags.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::shell::{self, cargo, run, step};

/// Instruments every edge, with counters and comparisons that libFuzzer reads.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";
/// Seconds that one input may take. The dearest condition takes some tenths of one.
const INPUT_SECONDS_MAX: u32 = 10;
/// Memory of one target, in MiB. Inputs are small, so what takes this much has no bound.
const MEMORY_MIB_MAX: u32 = 1_024;
/// Bytes of an input: room for a description of several definitions.
const INPUT_BYTES_MAX: u32 = 16 << 10;
const PACKAGE: &str = "fuzz/Cargo.toml";
const SEEDS: &str = "fuzz/seeds";

#[derive(Debug, clap::Args)]
pub(crate) struct Fuzz {
    /// One of `fuzz/src/bin`; left out, all of them, one after the other
    target: Option<String>,
    /// How long each is run
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Runs this input alone, as a finding says
    #[arg(long, value_name = "FILE", requires = "target")]
    replay: Option<PathBuf>,
}

impl Fuzz {
    /// Each target for so long.
    pub(crate) fn all(seconds: u32) -> Self {
        Self { target: None, seconds, replay: None }
    }

    pub(crate) fn run(self) -> anyhow::Result<()> {
        let all = targets()?;
        let targets = match &self.target {
            None => all,
            Some(target) if all.contains(target) => vec![target.clone()],
            Some(target) => bail!("there is no target `{target}` (there are: {})", all.join(", ")),
        };
        let place = Place::build()?;
        if let Some(input) = &self.replay {
            return run(place.command(&targets[0]).arg(input));
        }
        let mut found = 0;
        for target in &targets {
            found += place.fuzz(target, self.seconds)?;
        }
        ensure!(found == 0, "{found} findings (mend them, and keep each as a test of its crate)");
        println!("\n{} targets, {} s each: no finding", targets.len(), self.seconds);
        Ok(())
    }
}

fn targets() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir("fuzz/src/bin").context("there is no folder `fuzz/src/bin`")? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Where targets are built, and where their findings go.
struct Place {
    home: PathBuf,
    programs: PathBuf,
}

impl Place {
    fn build() -> anyhow::Result<Self> {
        step("building the fuzz targets (the first time this takes some minutes)");
        let home = shell::target_directory().join("fuzz");
        let machine = machine()?;
        let mut build = cargo();
        // With a target named, the flags are not those of build scripts and macros, which cannot have them.
        build.args(["build", "--quiet", "--release", "--manifest-path", PACKAGE, "--target", &machine]);
        run(build.env("CARGO_TARGET_DIR", &home).env("RUSTFLAGS", FLAGS).env_remove("CARGO_ENCODED_RUSTFLAGS"))?;
        Ok(Self { programs: home.join(machine).join("release"), home })
    }

    fn command(&self, target: &str) -> Command {
        let mut command = Command::new(self.programs.join(target));
        command.arg(format!("-timeout={INPUT_SECONDS_MAX}"));
        command.arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"));
        command
    }

    /// Runs one target; answers how many findings there are.
    fn fuzz(&self, target: &str, seconds: u32) -> anyhow::Result<usize> {
        let (corpus, findings) = (self.home.join("corpus").join(target), self.home.join("findings").join(target));
        std::fs::create_dir_all(&corpus)?;
        std::fs::create_dir_all(&findings)?;
        let before = files(&findings)?;
        let log = self.home.join(format!("{target}.log"));
        step(&format!("{target}: {seconds} s (its log is {})", log.display()));
        let mut command = self.command(target);
        command.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={INPUT_BYTES_MAX}"));
        command.arg(format!("-artifact_prefix={}/", findings.display())).arg("-print_final_stats=1");
        let words = Path::new("fuzz/words").join(target);
        if words.is_file() {
            command.arg(format!("-dict={}", words.display()));
        }
        command.arg(&corpus).arg(Path::new(SEEDS).join(target)).stderr(std::fs::File::create(&log)?);
        let status = command.status().with_context(|| format!("`{}` cannot be started", shell::name(&command)))?;
        let told = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
        println!("   {}", summary(&told));
        let found: Vec<PathBuf> = files(&findings)?.into_iter().filter(|file| !before.contains(file)).collect();
        for file in &found {
            println!("   FOUND {}", file.display());
            println!("   replay: cargo xtask fuzz {target} --replay {}", file.display());
        }
        ensure!(
            status.success() || !found.is_empty(),
            "`{target}` ended with {status}, and left no input: see its log"
        );
        Ok(found.len())
    }
}

/// How many inputs were tried, and what of the code they reached.
fn summary(log: &str) -> String {
    let stat = |name: &str| {
        let line = log.lines().find(|line| line.starts_with("stat::") && line.contains(name))?;
        line.rsplit(' ').next().map(str::to_owned)
    };
    let reached = log.lines().rev().find_map(|line| line.split_once(" cov: ")?.1.split(' ').next());
    let number = |name: &str| stat(name).unwrap_or_else(|| "?".into());
    format!(
        "{} inputs, {} edges reached, {} MiB at most",
        number("number_of_executed_units"),
        reached.unwrap_or("?"),
        number("peak_rss_mb"),
    )
}

fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(directory)?.map(|entry| Ok(entry?.path()));
    entries.collect()
}

/// The compiler's name for this machine.
fn machine() -> anyhow::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = Command::new(rustc).arg("-vV").output().context("`rustc` cannot be started")?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` does not tell the host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_libfuzzer_is_read() {
        let log = "#2\tINITED cov: 100 ft: 120 corp: 5/9b\n#8\tDONE   cov: 130 ft: 140 corp: 7/12b\n\
                   stat::number_of_executed_units: 8\nstat::peak_rss_mb:              44\n";
        assert_eq!(summary(log), "8 inputs, 130 edges reached, 44 MiB at most");
    }
}
