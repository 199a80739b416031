//! What SOPS means: creation rules, selection of leaves, encrypted values, metadata, recipients.
//!
//! Written from the behaviour of sops 3.13 (`docs/sops-behaviour.md`) and compared with the real binary by
//! `tests/differential.rs`. Knows documents, but neither Git nor Kubernetes nor which findings follow.

pub mod config;
pub mod goregex;
pub mod hosts;
pub mod metadata;
pub mod options;
pub mod recipients;
pub mod scope;
pub mod sealed;
pub mod specificity;
pub mod value;
pub mod written;
