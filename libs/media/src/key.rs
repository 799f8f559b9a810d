//! The name of a recording in the store.

use crate::error::Error;
use object_store::path::Path;
use std::fmt;

/// Longest part of a key as given; encoded, a byte may take three, it still fits into the name of a file.
const LONGEST: usize = 80;

/// Whose recording, and which. Always two parts, so that no key lies within another and deleting one touches no other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    company: String,
    recording: String,
}

impl Key {
    /// A key of any two texts of 1 to 80 bytes; what is special in a path is encoded.
    ///
    /// # Errors
    /// [`Error::Setting`] if one is empty or longer.
    pub fn new(company: &str, recording: &str) -> Result<Self, Error> {
        let part = |text: &str| match text.len() {
            1..=LONGEST => Ok(text.to_owned()),
            _ => Err(Error::Setting(format!("`{text}` is no part of a key: 1 to {LONGEST} bytes"))),
        };
        Ok(Self { company: part(company)?, recording: part(recording)? })
    }

    /// Where all objects of this recording lie.
    pub fn folder(&self) -> Path {
        // Slashes, dots that lead upwards and the like are encoded part by part.
        Path::from_iter([self.company.as_str(), &self.recording])
    }

    /// One object of this recording.
    pub(crate) fn object(&self, name: &str) -> Path {
        self.folder().join(name)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.folder())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leads_nowhere_else() {
        for (company, recording) in
            [("..", ".."), ("a/b", "../x"), ("ä", "//=="), ("a%2F", "b\\c\0")]
        {
            let folder = Key::new(company, recording).unwrap().folder();
            assert_eq!(folder.parts().count(), 2, "{folder}");
            assert!(
                folder.parts().all(|part| part.as_ref() != ".." && !part.as_ref().contains("/"))
            );
        }
        assert!(Key::new("", "x").is_err());
        assert!(Key::new("x", &"y".repeat(81)).is_err());
    }

    #[test]
    fn different_texts_have_different_keys() {
        assert_ne!(
            Key::new("a%2Fb", "c").unwrap().folder(),
            Key::new("a/b", "c").unwrap().folder()
        );
    }
}
