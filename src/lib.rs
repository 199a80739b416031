//! sopsguard.
mod bech;
pub mod kube;
pub mod model;
pub mod checks;
pub mod keys;
pub mod sops;
pub mod subject;
pub mod syntax;
pub mod values;
pub mod words;
