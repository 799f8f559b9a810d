//! Meetings, and runs of meetings, in paths.

use std::borrow::Cow;

use percent_encoding::utf8_percent_encode;

use crate::base::ESCAPED;

/// What is asked about: a meeting, or one run of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// A meeting by its number; of its runs the last is meant.
    Meeting(&'a str),
    /// One run, by its uuid as it is, not escaped.
    Run(&'a str),
}

impl Which<'_> {
    /// The segment it becomes, before the escaping every segment gets. A uuid is base64: one with a `/` in it is escaped
    /// twice, or it would read as two segments, be answered with 404, and pass for a recording that is gone. Zoom asks for
    /// it where a `/` stands in front or two stand together; of one in the middle the reference says nothing, and twice is
    /// what cannot be misread.
    pub(super) fn segment(&self) -> Cow<'_, str> {
        match self {
            Self::Run(uuid) if uuid.contains('/') => utf8_percent_encode(uuid, ESCAPED).into(),
            Self::Meeting(text) | Self::Run(text) => (*text).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Base;

    fn path(which: Which<'_>) -> String {
        let base = Base::new("https://zoom.example/v2").unwrap();
        let segments = ["meetings".to_owned(), which.segment().into_owned()];
        base.join(&segments, &[]).unwrap().path().to_owned()
    }

    #[test]
    fn a_uuid_with_a_slash_is_escaped_twice() {
        assert_eq!(path(Which::Run("/ab//c==")), "/v2/meetings/%252Fab%252F%252Fc%253D%253D");
        assert_eq!(path(Which::Run("a/b==")), "/v2/meetings/a%252Fb%253D%253D");
        assert_eq!(path(Which::Run("a+b==")), "/v2/meetings/a%2Bb%3D%3D");
        assert_eq!(path(Which::Meeting("85393847045")), "/v2/meetings/85393847045");
    }
}
