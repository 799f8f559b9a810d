//! The uuid of one run of a Zoom meeting.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What is escaped in a path: all but the unreserved (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The uuid as it is written into the path of a request: escaped twice. It is base64, and one with a `/` in it would
/// otherwise read as two segments, be answered with 404, and pass for a recording that is gone.
#[must_use]
pub fn in_path(uuid: &str) -> String {
    let once = utf8_percent_encode(uuid, ESCAPED).to_string();
    utf8_percent_encode(&once, ESCAPED).to_string()
}

/// The uuid itself, of one that came escaped once or twice.
pub(super) fn plain(text: &str) -> String {
    let mut text = text.trim().to_owned();
    for _ in 0..2 {
        if !text.contains('%') {
            break;
        }
        let Ok(decoded) = percent_decode_str(&text).decode_utf8().map(std::borrow::Cow::into_owned)
        else {
            break;
        };
        text = decoded;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_escaped_twice() {
        assert_eq!(in_path("/ab//c=="), "%252Fab%252F%252Fc%253D%253D");
        assert_eq!(in_path("plain-0._~"), "plain-0._~");
    }

    #[test]
    fn a_uuid_is_the_same_however_often_it_was_escaped() {
        for form in ["/ab//c==", "%2Fab%2F%2Fc%3D%3D", "%252Fab%252F%252Fc%253D%253D"] {
            assert_eq!(plain(form), "/ab//c==");
        }
        assert_eq!(plain("a+b="), "a+b=");
        assert_eq!(plain("%ff"), "%ff");
    }
}
