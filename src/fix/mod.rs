//! Encrypts what must be encrypted, with the real sops, on what may be somebody's only copy.
//!
//! First a plan (`plan`), made of what judging found and of the rules, without any process; then, file by file, sops is
//! asked through pipes (`seal`), its answer is compared value by value with what it was handed (`tree`) and judged as if it
//! stood at its path, and only then takes the place of the file (`replace`) or of the entry in the index (`index`).
//! `repair` is for files that carry metadata already, `opened` has their plaintext; `seen` looks for it in the tips of
//! references. What sops could not keep (`keeps`, `number`, `lost`) and what would be sealed to itself (`own_key`) is refused
//! before. Plaintext is in memory and on its way to sops, and nowhere else: what is written beside a file is its verified
//! ciphertext. Nothing that a repository names is started, and nothing of it is handed to sops as a config. `docs/fix.md`
//! says the same for users.

mod add;
mod events;
pub mod index;
pub mod json;
mod keeps;
mod lost;
mod names;
mod number;
mod opened;
mod own_key;
pub mod plan;
pub mod private;
pub mod repair;
pub mod replace;
pub mod seal;
pub mod seen;
mod show;
pub mod stop;
pub mod tree;

pub use plan::{Action, Plan, Refused, Step};
pub use show::{Form, plan_text, refused_text};

/// What is wrong with what sops wrote, or with what it was to be handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It does not parse.
    Garbage,
    /// The original does not parse.
    Unreadable,
    /// It expands beyond the limits.
    TooLarge,
    /// It carries no sound metadata.
    NoMetadata,
    /// It is encrypted to others than the rule says.
    OtherRecipients,
    /// Its options are not those of the rule.
    OtherScope,
    /// Keys are missing or new.
    OtherTree,
    /// A value that the rule selects is not encrypted.
    StillPlain,
    /// A value that stays readable is another one.
    Changed,
    /// Comments are missing.
    Comments,
    /// What is encrypted would not be any more.
    Opened,
}

impl Flaw {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Garbage => "what sops wrote cannot be read",
            Self::Unreadable => {
                "it does not parse in the format of its name, so sops would refuse it"
            }
            Self::TooLarge => "its aliases expand beyond the limit",
            Self::NoMetadata => "what sops wrote carries no sound metadata",
            Self::OtherRecipients => {
                "what sops wrote is not encrypted to the recipients of the rule"
            }
            Self::OtherScope => "what sops wrote does not select what the rule selects",
            Self::OtherTree => "what sops wrote has other keys than the file",
            Self::StillPlain => "sops left a value readable that the rule selects",
            Self::Changed => "sops changed a value that stays readable",
            Self::Comments => "sops dropped a comment, or added one",
            Self::Opened => {
                "its rule selects less than the file has encrypted: values would become readable"
            }
        }
    }
}
