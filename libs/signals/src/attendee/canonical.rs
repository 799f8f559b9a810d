//! JSON as Python's `json.dumps(…, sort_keys=True, ensure_ascii=False, separators=(",", ":"))` writes it.
//!
//! Numbers are kept as they are written, since the sender wrote them in the same way; a parser would change `2.50`.

use std::collections::BTreeMap;

/// Values inside values, at most.
const DEPTH: usize = 64;

/// The canonical form; nothing if it is not JSON, or too deep. Of a key that stands twice, the last one counts.
pub(super) fn canonical(text: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader { text: std::str::from_utf8(text).ok()?.as_bytes(), at: 0 };
    let value = reader.value(DEPTH)?;
    reader.space();
    if reader.at == reader.text.len() { Some(value) } else { None }
}

/// A place in a text.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        if self.peek() == Some(byte) { self.next().map(|_| ()) } else { None }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn value(&mut self, depth: usize) -> Option<Vec<u8>> {
        self.space();
        match self.peek()? {
            b'{' => self.object(depth.checked_sub(1)?),
            b'[' => self.array(depth.checked_sub(1)?),
            b'"' => Some(quoted(&self.string()?)),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Vec<u8>> {
        self.eat(b'{')?;
        // Sorted by UTF-8 is sorted by code point, as Python does.
        let mut members: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        self.space();
        if self.eat(b'}').is_none() {
            loop {
                self.space();
                let key = self.string()?;
                self.space();
                self.eat(b':')?;
                let value = self.value(depth)?;
                members.insert(key, value);
                self.space();
                match self.next()? {
                    b',' => {}
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        let inner: Vec<Vec<u8>> = members
            .into_iter()
            .map(|(key, value)| [quoted(&key), b":".to_vec(), value].concat())
            .collect();
        Some([b"{".to_vec(), inner.join(&b','), b"}".to_vec()].concat())
    }

    fn array(&mut self, depth: usize) -> Option<Vec<u8>> {
        self.eat(b'[')?;
        let mut items = Vec::new();
        self.space();
        if self.eat(b']').is_none() {
            loop {
                items.push(self.value(depth)?);
                self.space();
                match self.next()? {
                    b',' => {}
                    b']' => break,
                    _ => return None,
                }
            }
        }
        Some([b"[".to_vec(), items.join(&b','), b"]".to_vec()].concat())
    }

    fn word(&mut self, word: &'static [u8]) -> Option<Vec<u8>> {
        let rest = self.text.get(self.at..)?;
        if !rest.starts_with(word) {
            return None;
        }
        self.at = self.at.saturating_add(word.len());
        Some(word.to_vec())
    }

    /// A number as it is written. What is none is left to the signature to refuse.
    fn number(&mut self) -> Option<Vec<u8>> {
        let rest = self.text.get(self.at..)?;
        let length = rest
            .iter()
            .take_while(|byte| matches!(**byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        let number = rest.get(..length).filter(|number| !number.is_empty())?;
        self.at = self.at.saturating_add(length);
        Some(number.to_vec())
    }

    fn string(&mut self) -> Option<String> {
        self.eat(b'"')?;
        let mut bytes = Vec::new();
        loop {
            match self.next()? {
                b'"' => break,
                b'\\' => {
                    let letter = self.escape()?;
                    bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                }
                0..=0x1f => return None,
                byte => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).ok()
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.next()? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first.into());
                }
                self.eat(b'\\')?;
                self.eat(b'u')?;
                let pair = [first, self.hex()?];
                char::decode_utf16(pair).next()?.ok()?
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u16> {
        let end = self.at.checked_add(4)?;
        let digits = std::str::from_utf8(self.text.get(self.at..end)?).ok()?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at = end;
        u16::from_str_radix(digits, 16).ok()
    }
}

/// A string in quotes, with the escapes Python writes.
fn quoted(text: &str) -> Vec<u8> {
    let mut out = vec![b'"'];
    for letter in text.chars() {
        match letter {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\0'..='\u{1f}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(letter)).as_bytes());
            }
            _ => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        canonical(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn keys_are_sorted_and_space_is_gone() {
        let text = " { \"b\" : [ 1 , true , null , { } , [ ] ] , \"a\" : { \"z\":1, \"é\":2, \"A\":-1.50e+3 } } ";
        let form = r#"{"a":{"A":-1.50e+3,"z":1,"é":2},"b":[1,true,null,{},[]]}"#;
        assert_eq!(of(text).as_deref(), Some(form));
    }

    #[test]
    fn strings_are_escaped_as_python_does() {
        let text = r#""\u00e9\ud83d\ude92 \/ \" \\ \n\t\b\f\r \u0001\u007f é""#;
        let form = "\"é🚒 / \\\" \\\\ \\n\\t\\b\\f\\r \\u0001\u{7f} é\"";
        assert_eq!(of(text).as_deref(), Some(form));
    }

    #[test]
    fn of_a_key_that_stands_twice_the_last_counts() {
        assert_eq!(of(r#"{"a":1,"a":2}"#).as_deref(), Some(r#"{"a":2}"#));
    }

    #[test]
    fn what_is_not_json_has_no_form() {
        for text in
            ["", "{", "[1,]", "{\"a\"}", "\"\\ud83d\"", "\"\\x\"", "tru", "{}{}", "\"\n\"", "[1 2]"]
        {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(canonical(b"\"\xff\""), None);
        assert_eq!(of(&"[".repeat(100_000)), None);
    }

    #[test]
    fn a_canonical_form_is_its_own() {
        let form = r#"{"a":{"A":-1.50e+3,"z":"\u0001"},"b":[1,true,null]}"#;
        assert_eq!(of(form).as_deref(), Some(form));
    }
}
