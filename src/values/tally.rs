//! Classes of many leaves, counted, and what step 5c of the product contract makes of them.
//!
//! A structured file under a narrow rule may stay plaintext if all of its leaves in scope are references, substitutions or
//! otherwise harmless and at least one of them is a reference or substitution. Which leaves are in scope, and whether the
//! file is structured, the caller knows.

use super::ValueClass;

/// How many leaves there are of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeafTally {
    /// Harmless leaves.
    pub harmless: usize,
    /// References.
    pub references: usize,
    /// Substitutions.
    pub substitutions: usize,
    /// Placeholders.
    pub placeholders: usize,
    /// Leaves that are literals or hold settings.
    pub literals: usize,
}

/// What a file's leaves in scope amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafVerdict {
    /// Filled in from elsewhere: no finding.
    Exempt,
    /// The same, but somebody has to replace a placeholder: a warning.
    Warning,
    /// Must be encrypted.
    Counts,
}

impl LeafTally {
    /// Counts one leaf.
    pub fn add(&mut self, class: ValueClass) {
        match class {
            ValueClass::Harmless(_) => self.harmless += 1,
            ValueClass::Reference => self.references += 1,
            ValueClass::Substitution => self.substitutions += 1,
            ValueClass::Placeholder => self.placeholders += 1,
            ValueClass::Configuration | ValueClass::Literal => self.literals += 1,
        }
    }

    /// The verdict of step 5c. Without a reference or substitution nothing says that the values come from elsewhere:
    /// `password: secret` under a rule that asks for encryption is as good a value as any.
    pub fn verdict(&self) -> LeafVerdict {
        if self.literals > 0 || self.references + self.substitutions == 0 {
            LeafVerdict::Counts
        } else if self.placeholders > 0 {
            LeafVerdict::Warning
        } else {
            LeafVerdict::Exempt
        }
    }
}

impl FromIterator<ValueClass> for LeafTally {
    fn from_iter<T: IntoIterator<Item = ValueClass>>(classes: T) -> Self {
        let mut tally = Self::default();
        classes.into_iter().for_each(|class| tally.add(class));
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_reference_exempts_harmless_leaves_and_one_literal_spoils_it() {
        use ValueClass::{Configuration, Harmless, Literal, Placeholder, Reference, Substitution};
        for (classes, verdict) in [
            (&[Harmless("x"), Reference][..], LeafVerdict::Exempt),
            (&[Harmless("x"), Substitution], LeafVerdict::Exempt),
            (&[Harmless("x")], LeafVerdict::Counts),
            (&[Substitution, Placeholder], LeafVerdict::Warning),
            (&[Placeholder], LeafVerdict::Counts),
            (&[Placeholder, Harmless("x")], LeafVerdict::Counts),
            (&[Substitution, Literal], LeafVerdict::Counts),
            (&[Placeholder, Literal], LeafVerdict::Counts),
            (&[Substitution, Configuration], LeafVerdict::Counts),
            (&[], LeafVerdict::Counts),
        ] {
            assert_eq!(
                classes.iter().copied().collect::<LeafTally>().verdict(),
                verdict,
                "{classes:?}"
            );
        }
    }
}
