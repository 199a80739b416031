//! A call whose input and output never touch the disk, that ends in time, and that leaves nothing running.
//!
//! The program gets exactly the environment that it is handed. It leads a group of processes of its own: when the time is
//! up, all of the group ends, and with it whatever the program started.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::Program;

/// What is asked of a program.
pub struct Call<'a> {
    /// Its arguments.
    pub args: &'a [&'a str],
    /// All of its environment.
    pub env: &'a [(OsString, OsString)],
    /// Where it runs.
    pub dir: &'a Path,
    /// What it reads.
    pub input: &'a [u8],
    /// Most bytes that it may write.
    pub most: usize,
    /// When it is ended.
    pub limit: Duration,
    /// Set when nobody waits for the answer any more.
    pub stop: Option<&'a AtomicBool>,
}

impl Call<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// What a program wrote. Wiped when dropped; without a form that could be printed.
pub struct Piped {
    /// Its exit status; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: Zeroizing<Vec<u8>>,
    /// The beginning of standard error.
    pub err: Zeroizing<Vec<u8>>,
}

/// Why a program gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// It could not be started.
    CannotStart,
    /// It took too long.
    TimedOut,
    /// It wrote too much.
    TooMuch,
    /// The caller was told to stop.
    Stopped,
}

/// How long nobody looks whether to stop.
const SLICE: Duration = Duration::from_millis(25);

/// Most of standard error that is kept: enough to tell what kind of failure it was.
const ERR: usize = 32 * 1024;

enum Part {
    Out(Zeroizing<Vec<u8>>),
    Err(Zeroizing<Vec<u8>>),
    TooMuch,
}

impl Program {
    /// Runs it, hands it `input`, and waits for what it writes.
    pub fn pipe(&self, call: &Call<'_>) -> Result<Piped, NoAnswer> {
        let end = Instant::now() + call.limit;
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the door to other programs"
        )]
        let mut command = Command::new(self.path());
        command
            .args(call.args)
            .env_clear()
            .envs(call.env.iter().map(|(name, value)| (name, value)))
            .current_dir(call.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(|_| NoAnswer::CannotStart)?;
        let mut child = Group(child);
        let told = talk(&mut child.0, call);
        let (mut out, mut err) = (None, None);
        while out.is_none() || err.is_none() {
            let left = end.saturating_duration_since(Instant::now());
            let slice = if call.stop.is_some() {
                left.min(SLICE)
            } else {
                left
            };
            match told.recv_timeout(slice) {
                Ok(Part::Out(bytes)) => out = Some(bytes),
                Ok(Part::Err(bytes)) => err = Some(bytes),
                Ok(Part::TooMuch) => return Err(NoAnswer::TooMuch),
                Err(RecvTimeoutError::Timeout) if call.is_stopped() => {
                    return Err(NoAnswer::Stopped);
                }
                Err(RecvTimeoutError::Timeout) if slice < left => {}
                Err(RecvTimeoutError::Timeout) => return Err(NoAnswer::TimedOut),
                // A reader can only be gone without a word if it could not be started.
                Err(RecvTimeoutError::Disconnected) => return Err(NoAnswer::CannotStart),
            }
        }
        let status = child.wait_until(end).ok_or(NoAnswer::TimedOut)?;
        Ok(Piped {
            code: status.code(),
            out: out.unwrap_or_default(),
            err: err.unwrap_or_default(),
        })
    }
}

/// Feeds it and listens to it, each for itself: neither pipe may fill up while the other is waited for. The threads own
/// what they need, so that a process that outlives its group cannot hold up the caller.
fn talk(child: &mut Child, call: &Call<'_>) -> mpsc::Receiver<Part> {
    let (tell, told) = mpsc::channel();
    if let Some(mut stdin) = child.stdin.take() {
        let input = Zeroizing::new(call.input.to_vec());
        // A program that does not read is told by what it answers.
        let _ = thread::Builder::new().spawn(move || {
            let _ = stdin.write_all(&input);
        });
    }
    if let Some(stdout) = child.stdout.take() {
        let (tell, most) = (tell.clone(), call.most);
        let _ = thread::Builder::new().spawn(move || {
            let (bytes, whole) = drain(stdout, most, true);
            let part = if whole {
                Part::Out(bytes)
            } else {
                Part::TooMuch
            };
            let _ = tell.send(part);
        });
    }
    if let Some(stderr) = child.stderr.take() {
        let _ = thread::Builder::new().spawn(move || {
            let (bytes, _) = drain(stderr, ERR, false);
            let _ = tell.send(Part::Err(bytes));
        });
    }
    told
}

/// Reads up to `most` bytes; what is beyond ends the reading or is thrown away. Space for all of it is taken at once: a
/// buffer that grows leaves copies behind.
fn drain(mut from: impl Read, most: usize, ends: bool) -> (Zeroizing<Vec<u8>>, bool) {
    let mut kept = Zeroizing::new(Vec::with_capacity(most));
    let mut piece = Zeroizing::new([0u8; 8192]);
    loop {
        let read = match from.read(&mut piece[..]) {
            Ok(0) => return (kept, true),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return (kept, true),
        };
        let room = most - kept.len();
        kept.extend_from_slice(&piece[..read.min(room)]);
        if read > room && ends {
            return (kept, false);
        }
    }
}

/// A process and all that it started; none of them is left when it is dropped.
struct Group(Child);

impl Group {
    fn wait_until(&mut self, end: Instant) -> Option<ExitStatus> {
        let mut pause = Duration::from_millis(1);
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < end => thread::sleep(pause),
                Ok(None) | Err(_) => return None,
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The number of a process that was waited for may be somebody else's by now.
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process_group};
            let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(all(test, unix))]
#[allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn sh() -> Program {
        Program::find(
            "sh",
            &[PathBuf::from("/bin"), PathBuf::from("/usr/bin")],
            &[],
        )
        .unwrap()
    }

    fn ask(script: &str, input: &[u8], most: usize, limit: u64) -> Result<Piped, NoAnswer> {
        sh().pipe(&Call {
            args: &["-c", script],
            env: &[("PATH".into(), "/usr/bin:/bin".into())],
            dir: Path::new("/"),
            input,
            most,
            limit: Duration::from_millis(limit),
            stop: None,
        })
    }

    #[test]
    fn it_is_fed_and_heard() {
        let input = vec![b'x'; 300_000];
        let Ok(answer) = ask("cat; echo told >&2; exit 3", &input, 400_000, 20_000) else {
            panic!("no answer");
        };
        assert_eq!(answer.code, Some(3));
        assert!(*answer.out == input && *answer.err == b"told\n");
        let Ok(answer) = ask("pwd; env | grep -c SHLVL_NOT", b"", 100, 20_000) else {
            panic!("no answer");
        };
        assert_eq!(*answer.out, b"/\n0\n");
    }

    #[test]
    fn what_hangs_is_ended_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("mark");
        let script = format!("(sleep 2; touch {}) & sleep 60", mark.display());
        let began = Instant::now();
        let answer = ask(&script, b"", 100, 300);
        assert_eq!(answer.err(), Some(NoAnswer::TimedOut));
        assert!(began.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(2500));
        assert!(!mark.exists());
    }

    #[test]
    fn nobody_waits_once_told_to_stop() {
        let stop = AtomicBool::new(false);
        let began = Instant::now();
        let answer = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(200));
                stop.store(true, Ordering::Relaxed);
            });
            sh().pipe(&Call {
                args: &["-c", "sleep 60"],
                env: &[("PATH".into(), "/usr/bin:/bin".into())],
                dir: Path::new("/"),
                input: b"",
                most: 100,
                limit: Duration::from_secs(50),
                stop: Some(&stop),
            })
        });
        assert_eq!(answer.err(), Some(NoAnswer::Stopped));
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn what_writes_without_end_is_ended() {
        let answer = ask("yes", b"", 10_000, 20_000);
        assert_eq!(answer.err(), Some(NoAnswer::TooMuch));
    }
}
