//! Told to stop: the current file is finished or left as it was, and what was done is told.
//!
//! A file that grows beyond the limit of the process sends a signal, too; taken here, the write fails with an error instead
//! of ending the program in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether to stop, and why.
#[derive(Clone, Default)]
pub struct Stop {
    any: Arc<AtomicBool>,
    terminated: Arc<AtomicBool>,
}

/// What asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// `SIGINT`
    Interrupt,
    /// `SIGTERM` or `SIGHUP`
    Terminate,
}

impl Stop {
    /// Listens to the signals of this process.
    pub fn listen() -> std::io::Result<Self> {
        let stop = Self::default();
        #[cfg(unix)]
        {
            use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
            use signal_hook::flag::register;
            register(SIGXFSZ, Arc::default())?;
            for signal in [SIGTERM, SIGHUP] {
                register(signal, Arc::clone(&stop.terminated))?;
            }
            for signal in [SIGINT, SIGTERM, SIGHUP] {
                register(signal, Arc::clone(&stop.any))?;
            }
        }
        Ok(stop)
    }

    /// For those who wait for something else.
    pub fn flag(&self) -> &AtomicBool {
        &self.any
    }

    /// The signal that came.
    pub fn signal(&self) -> Option<Signal> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        Some(match self.terminated.load(Ordering::Relaxed) {
            true => Signal::Terminate,
            false => Signal::Interrupt,
        })
    }
}
