//! Skip codes on the wire.

pub use crate::r#gen::skip::v1;
use decision::SkipCode;

/// A number that is no skip code of this version: 0, or one of a newer peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no skip code has the number `{0}`")]
pub struct InvalidSkipCode(
    /// The number.
    pub i32,
);

/// The code a field of type `callsheet.skip.v1.SkipCode` holds.
///
/// # Errors
/// When the field is unset or the number is unknown: a reason nobody can read is no reason.
pub fn from_wire(number: i32) -> Result<SkipCode, InvalidSkipCode> {
    SkipCode::from_number(number).ok_or(InvalidSkipCode(number))
}

impl TryFrom<v1::SkipCode> for SkipCode {
    type Error = InvalidSkipCode;

    fn try_from(code: v1::SkipCode) -> Result<Self, Self::Error> {
        from_wire(code.into())
    }
}

impl From<SkipCode> for v1::SkipCode {
    fn from(code: SkipCode) -> Self {
        // Both enums are generated from the same numbers; a test goes through all of them.
        Self::try_from(code.number()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_the_wire() {
        for code in SkipCode::ALL {
            let wire = v1::SkipCode::from(*code);
            assert_eq!(SkipCode::try_from(wire), Ok(*code));
            assert_eq!(from_wire(i32::from(wire)), Ok(*code));
        }
    }

    #[test]
    fn the_wire_name_is_the_spelling_with_a_prefix() {
        for code in SkipCode::ALL.iter().filter(|code| **code != SkipCode::NotApplicable) {
            assert_eq!(v1::SkipCode::from(*code).as_str_name(), format!("SKIP_CODE_{code}"));
        }
        assert_eq!(SkipCode::NotApplicable.as_str(), "N/A");
        assert_eq!(v1::SkipCode::NotApplicable.as_str_name(), "SKIP_CODE_NOT_APPLICABLE");
    }

    #[test]
    fn no_code_and_an_unknown_code_are_refused() {
        assert_eq!(SkipCode::try_from(v1::SkipCode::Unspecified), Err(InvalidSkipCode(0)));
        assert_eq!(from_wire(99_999), Err(InvalidSkipCode(99_999)));
    }
}
