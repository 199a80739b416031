//! sopsguard.
mod bech;
pub mod model;
pub mod sops;
pub mod syntax;
pub mod words;
