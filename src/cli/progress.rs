//! The progress bar on stderr: for people at a terminal, when it takes longer than a second.
//!
//! A thread of its own draws what the engine counts, ten times a second, and wipes its line when the bar is dropped. Only
//! carriage returns and blanks are used, so that every terminal can do it.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::engine::Progress;

/// What ends sooner needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two drawings.
const PAUSE: Duration = Duration::from_millis(100);
/// Columns of the bar itself.
const BAR: usize = 24;

/// How the terminal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Its columns.
    pub(crate) width: usize,
    /// Whether it shows characters outside ASCII.
    pub(crate) unicode: bool,
}

/// Whether it is over, and the means to say so.
type Over = Arc<(Mutex<bool>, Condvar)>;

/// A bar that is drawn until it is dropped.
pub(crate) struct Bar {
    over: Over,
    thread: Option<JoinHandle<()>>,
}

impl Bar {
    /// Watches from now on. A thread that cannot be started is no reason to fail.
    pub(crate) fn start(progress: Arc<Progress>, terminal: Terminal) -> Self {
        let over = Over::default();
        let seen = Arc::clone(&over);
        let draw = move || watch(&progress, terminal, &seen, PATIENCE, &mut std::io::stderr());
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(draw)
            .ok();
        Self { over, thread }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        *self.over.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.over.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Draws until it is over, then wipes the line. Mistakes in writing are nobody's concern.
fn watch(
    progress: &Progress,
    terminal: Terminal,
    over: &Over,
    patience: Duration,
    out: &mut dyn Write,
) {
    let (mut pause, mut drawn) = (patience, 0);
    loop {
        let guard = over.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = over.1.wait_timeout_while(guard, pause, |over| !*over);
        let (guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *guard {
            break;
        }
        drop(guard);
        let (phase, done, total) = progress.now();
        let line = draw(phase, done, total, terminal);
        let columns = line.chars().count();
        let wipe = " ".repeat(drawn.max(columns) - columns);
        let _ = write!(out, "\r{line}{wipe}").and_then(|()| out.flush());
        (pause, drawn) = (PAUSE, columns);
    }
    if drawn > 0 {
        let _ = write!(out, "\r{}\r", " ".repeat(drawn)).and_then(|()| out.flush());
    }
}

/// One line, narrower than the terminal, so that it never wraps.
fn draw(phase: &str, done: u64, total: u64, terminal: Terminal) -> String {
    let (full, empty) = match terminal.unicode {
        true => ('█', '░'),
        false => ('#', '.'),
    };
    // The figures may be of two moments.
    let total = if total == 0 { 0 } else { total.max(done) };
    let line = match (u128::from(done) * BAR as u128).checked_div(u128::from(total)) {
        None if done == 0 => phase.to_owned(),
        None => format!("{phase} {done}"),
        Some(share) => {
            let share = usize::try_from(share).unwrap_or(BAR);
            let bar: String = (0..BAR)
                .map(|i| if i < share { full } else { empty })
                .collect();
            let percent = u128::from(done) * 100 / u128::from(total);
            format!("{phase} {bar} {percent:3}% {done}/{total}")
        }
    };
    line.chars()
        .take(terminal.width.saturating_sub(1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASCII: Terminal = Terminal {
        width: 80,
        unicode: false,
    };

    #[test]
    fn a_line_tells_the_phase_and_how_far_it_is() {
        for (done, total, line) in [
            (0, 0, "judging"),
            (1_234, 0, "judging 1234"),
            (0, 200, "judging ........................   0% 0/200"),
            (50, 200, "judging ######..................  25% 50/200"),
            (200, 200, "judging ######################## 100% 200/200"),
            // Read while a phase begins.
            (300, 200, "judging ######################## 100% 300/300"),
            (
                u64::MAX,
                u64::MAX,
                "judging ######################## 100% 18446744073709551615/18446744073709551615",
            ),
        ] {
            let shown = draw("judging", done, total, ASCII);
            assert_eq!(shown, line.chars().take(79).collect::<String>());
        }
        let wide = Terminal {
            unicode: true,
            ..ASCII
        };
        assert!(draw("judging", 1, 2, wide).contains("████████████░░░░░░░░░░░░  50%"));
    }

    #[test]
    fn a_line_never_fills_the_terminal() {
        for width in [0, 1, 20, 40] {
            let narrow = Terminal { width, ..ASCII };
            let shown = draw("judging", 7, 9, narrow);
            assert!(shown.chars().count() < width.max(1));
        }
    }

    #[test]
    fn nothing_is_drawn_of_what_is_soon_over_and_the_line_is_wiped() {
        let progress = Progress::default();
        progress.begin("judging", 10);
        progress.advance(5);
        let over = Over::default();
        *over.0.lock().unwrap() = true;
        let mut out = Vec::new();
        watch(&progress, ASCII, &over, Duration::ZERO, &mut out);
        assert_eq!(out, b"");

        /// Says that it is over once something was drawn.
        struct Once<'o>(&'o Over, Vec<u8>);
        impl Write for Once<'_> {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                *self.0.0.lock().unwrap() = true;
                self.1.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        *over.0.lock().unwrap() = false;
        let mut out = Once(&over, Vec::new());
        watch(&progress, ASCII, &over, Duration::ZERO, &mut out);
        let line = "judging ############............  50% 5/10";
        let shown = String::from_utf8(out.1).unwrap();
        assert_eq!(shown, format!("\r{line}\r{}\r", " ".repeat(line.len())));
    }

    #[test]
    fn a_bar_ends_when_it_is_dropped() {
        let bar = Bar::start(Arc::default(), ASCII);
        drop(bar);
    }
}
