//! What a person sees while a module is compiled, which of Python takes many seconds, once: on a terminal a line with
//! the time that passes, which goes away at the end; elsewhere one plain line, so that a log tells what is waited for.
//! Deliberately absent: the rows of a transaction.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::shown::{Shown, shown};
use crate::{out, text};

/// How long a module is compiled before it is told: most are done by then, or found compiled.
const SILENT: Duration = Duration::from_secs(1);
/// How often the line shows its time.
const TICK: Duration = Duration::from_millis(120);

/// Waits for a module of this many bytes, and tells of it where that takes its time. Several may wait at once, each
/// with its line.
pub(crate) async fn told<T>(loading: impl Future<Output = T>, file: &Path, bytes: usize) -> T {
    let what = shown!("`{}` ({})", file.display(), text::size(bytes as u64));
    tokio::pin!(loading);
    match tokio::time::timeout(SILENT, &mut loading).await {
        Ok(loaded) => loaded,
        Err(_) => {
            let line = Line::begin(&what, out::bars(), out::remark);
            let loaded = loading.await;
            drop(line);
            loaded
        }
    }
}

/// The line of one module, for as long as this lives.
struct Line(Option<ProgressBar>);

impl Line {
    /// Draws it, or where nothing can be drawn, says it plainly.
    fn begin(what: &Shown, view: &MultiProgress, plainly: impl FnOnce(&Shown)) -> Self {
        const KEPT: &str = "what comes of it is kept, so this happens once";
        if view.is_hidden() {
            plainly(&shown!("compiling {}; {}", what, KEPT));
            return Self(None);
        }
        let bar = view.add(ProgressBar::new_spinner());
        // The template is a constant, so it is right; a wrong one would only lose the style.
        if let Ok(style) =
            ProgressStyle::with_template("{spinner:.cyan} compiling {prefix} {elapsed:>4}  {wide_msg:.dim}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(what.as_str().to_owned());
        bar.set_message(KEPT);
        bar.enable_steady_tick(TICK);
        bar.tick();
        Self(Some(bar))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    /// A terminal that keeps what is written to it.
    #[derive(Clone, Debug, Default)]
    struct Terminal(Arc<Mutex<String>>);

    impl Terminal {
        fn seen(&self) -> String {
            console::strip_ansi_codes(&self.0.lock().unwrap()).into_owned()
        }

        fn add(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
    }

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            120
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, line: &str) -> io::Result<()> {
            self.add(&format!("{line}\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.add(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.add("<cleared>")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_shows_each_module_with_its_time_until_it_is_done() {
        let terminal = Terminal::default();
        let view = MultiProgress::with_draw_target(ProgressDrawTarget::term_like(Box::new(terminal.clone())));
        let plainly = |plain: &Shown| panic!("not beside what is drawn: {plain}");
        let one = Line::begin(&Shown::of("`shop.wasm` (18.0 MiB)"), &view, plainly);
        let two = Line::begin(&Shown::of("`bank.wasm` (19.0 MiB)"), &view, plainly);
        let seen = terminal.seen();
        for module in ["compiling `shop.wasm` (18.0 MiB)   0s", "compiling `bank.wasm` (19.0 MiB)   0s"] {
            assert!(seen.contains(module), "{seen}");
        }
        assert!(seen.contains("what comes of it is kept, so this happens once"), "{seen}");
        drop((one, two));
        let last = terminal.seen();
        assert!(last.ends_with("<cleared>"), "nothing is left of it: {last}");
    }

    #[test]
    fn elsewhere_it_is_one_plain_line() {
        let view = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
        let mut said = Vec::new();
        drop(Line::begin(&Shown::of("`shop.wasm` (18.0 MiB)"), &view, |plain| said.push(plain.to_string())));
        assert_eq!(said, ["compiling `shop.wasm` (18.0 MiB); what comes of it is kept, so this happens once"]);
    }
}
