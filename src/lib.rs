//! sopsguard.
mod bech;
pub mod kube;
pub mod model;
pub mod keys;
pub mod sops;
pub mod syntax;
pub mod values;
pub mod words;
