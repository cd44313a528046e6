//! The tour of Rust is real: the files of `docs/rust.md` are written and its commands are run, one after the other, in
//! an empty folder outside the repository, and what they print is what the page says.
//!
//! In a line that the page says is printed `…` stands for anything, spans of time for any, and white space for white
//! space. A command ends well unless the page says `(exit 3)`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::PathBuf;

use wasaga_tests::{binary, in_project};

const PAGE: &str = include_str!("../../docs/rust.md");
/// Languages of blocks that are for reading.
const TO_READ: [&str; 1] = ["text"];
const UNITS: [&str; 4] = ["µs", "ms", "s", "m"];

/// A command, and the lines that the page says it prints.
struct Said<'a> {
    command: &'a str,
    lines: Vec<&'a str>,
}

/// The blocks of a page: their language and what is in them.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let fences = page.split("\n```").skip(1).step_by(2);
    fences.map(|block| block.split_once('\n').unwrap_or((block, ""))).collect()
}

fn commands(block: &str) -> Vec<Said<'_>> {
    let mut commands: Vec<Said<'_>> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push(Said { command, lines: Vec::new() }),
            (None, Some(said)) => said.lines.push(line),
            (None, None) => panic!("the block begins without a command: {line}"),
        }
    }
    commands
}

/// Where the reader is, and what they have.
struct Reader {
    home: tempfile::TempDir,
    folder: PathBuf,
}

impl Reader {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { folder: home.path().into(), home }
    }

    /// Writes a file, whose first line is its name. A module is named in `src/lib.rs`, as the page says.
    fn write(&self, block: &str) {
        let (name, text) = block.split_once('\n').unwrap();
        let name = name.strip_prefix("// ").unwrap_or_else(|| panic!("a block without the name of its file: {name}"));
        std::fs::write(self.folder.join(name), format!("{text}\n")).unwrap();
        let module = name.trim_start_matches("src/").trim_end_matches(".rs");
        if module != "lib" {
            let lib = self.folder.join("src/lib.rs");
            let before = std::fs::read_to_string(&lib).unwrap();
            std::fs::write(lib, format!("{before}\nmod {module};\n")).unwrap();
        }
    }

    fn run(&mut self, said: &Said<'_>) {
        if let Some(folder) = said.command.strip_prefix("cd ") {
            self.folder.push(folder);
            return;
        }
        let (code, printed) = self.shell(said.command);
        let place = format!("`{}` printed:\n{printed}", said.command);
        let wanted = if said.lines.iter().any(|line| line.ends_with("(exit 3)")) { 3 } else { 0 };
        assert_eq!(code, Some(wanted), "{place}");
        let mut rest = printed.lines();
        for line in &said.lines {
            assert!(rest.any(|printed| fits(line, printed)), "not in its turn: {line}\n{place}");
        }
    }

    /// What a shell makes of a command, in the reader's folder: its exit code and all that it printed.
    fn shell(&self, command: &str) -> (Option<i32>, String) {
        let binaries = binary().canonicalize().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", binaries.parent().unwrap().display());
        let journal = format!("sqlite:{}", self.home.path().join("journal.db").display());
        let script = format!("exec 2>&1; export PATH='{path}' WASAGA_JOURNAL='{journal}'; {command}");
        let ended = in_project("sh", &["-c", &script], &self.folder);
        (ended.code, ended.stdout)
    }
}

/// Whether a line has in it what the page says.
fn fits(said: &str, printed: &str) -> bool {
    let (said, printed) = (plain(said), plain(printed));
    let mut rest = printed.as_str();
    said.split('…').map(str::trim).all(|piece| {
        let found = rest.find(piece);
        rest = found.map_or("", |at| &rest[at + piece.len()..]);
        found.is_some()
    })
}

/// One space between words, and the same number for every span of time.
fn plain(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let spans = words.iter().enumerate().map(|(at, word)| {
        let unit = words.get(at + 1).is_some_and(|next| UNITS.contains(&next.trim_end_matches([':', ','])));
        if unit && word.parse::<f64>().is_ok() { "0" } else { word }
    });
    spans.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_block_of_the_page_is_what_happens() {
    let mut reader = Reader::new();
    let blocks = blocks(PAGE);
    assert!(blocks.len() > 5, "the page has its blocks");
    for (language, block) in blocks {
        match language {
            "rust" => reader.write(block),
            "console" => commands(block).iter().for_each(|said| reader.run(said)),
            other => assert!(TO_READ.contains(&other), "a block in `{other}` is neither written nor run"),
        }
    }
}

#[test]
fn a_line_fits_what_the_page_says() {
    assert!(fits("  ✔ reserve   0.3 ms   {\"a\":1}", "  ✔ reserve                12.7 ms   {\"a\":1}"));
    assert!(fits("completed in 4.3 ms: …because  (exit 3)", "completed in 1.0 ms: well, because  (exit 3)"));
    assert!(!fits("  ✔ reserve   0.3 ms   {\"a\":1}", "  ✔ reserve                 0.3 ms   {\"a\":2}"));
    assert!(!fits("a … b", "b then a"));
}
