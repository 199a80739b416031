use super::Style;
use crate::model::Outcome;
pub(super) fn text(_: &Outcome, _: &Style) -> String { String::new() }
