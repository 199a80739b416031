//! What Kubernetes, Flux and kustomize mean: objects in documents, v1 Secrets wherever they stand, generators, Secrets
//! inside strings.
//!
//! Follows the Kubernetes API (core/v1 Secret), kustomize's `kustomization.yaml` and Flux' custom resources. Knows
//! documents, but no rules and no findings: it says what is there and where, others say whether that is wrong.

mod embedded;
mod flux;
mod generator;
mod object;
mod secret;

pub use embedded::{EmbeddedSecret, embedded_secrets, last_applied, open_patches};
pub use flux::{FluxKustomization, flux_kustomization, patches_add_decryption};
pub use generator::{
    Generator, GeneratorEntry, generators, is_kustomization_name, kustomization_sources,
};
pub use object::{ObjectHead, head, is_control_object, looks_like_object};
pub use secret::{SecretValue, secret_values, sops_secret_values};
