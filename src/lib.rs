//! sopsguard keeps plaintext secrets out of Git histories that use SOPS.
//!
//! The map of rooms (`docs/architecture.md` has it whole):
//!
//! * [`model`] the nouns; [`words`] the word lists; [`syntax`] bytes to documents with spans;
//! * [`sops`] what SOPS means; [`kube`] what Kubernetes means; [`values`] what a value is; [`keys`] private keys;
//! * [`git`], [`packs`] and [`source`] where files come from; [`subject`] all that is known of one file;
//! * [`settings`] what a team sets; [`triage`] what hides findings;
//! * [`checks`] what can be wrong; [`engine`] the line; [`report`] one file per format; [`explain`] the trace; [`cli`];
//! * [`hook`] Git's hooks, installed and taken away; [`decrypt`] the real sops; [`fix`] what it is asked to encrypt; [`exec`] the only door to other programs.
//!
//! Data walks one way: arguments → source → view → subject → findings and blind spots → outcome → report. Everything
//! between source and report is a function of its arguments.

pub use sopsguard_packs as packs;
pub use sopsguard_syntax as syntax;

mod bech;
pub mod checks;
pub mod cli;
pub mod decrypt;
pub mod engine;
pub mod exec;
pub mod explain;
pub mod fix;
pub mod git;
pub mod hook;
pub mod keys;
pub mod kube;
pub mod model;
pub mod report;
pub mod settings;
pub mod sops;
pub mod source;
pub mod subject;
pub mod triage;
pub mod values;
pub mod words;
