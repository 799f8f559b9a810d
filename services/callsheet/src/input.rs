//! Files and standard input, read within bounds.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::Error;

/// Bytes of the largest calendar that is read; calendar-ingest takes no larger one either.
pub(crate) const CALENDAR: u64 = 64_000_000;
/// Bytes of the largest company file that is read.
pub(crate) const COMPANY: u64 = 16_000_000;
/// Bytes of the largest key file that is read.
pub(crate) const KEY: u64 = 16_384;
/// Bytes of the largest text that is read for links.
pub(crate) const TEXT: u64 = 64_000_000;

/// A file that has been read.
#[derive(Debug)]
pub(crate) struct Payload {
    /// What messages call it: its path as it was typed.
    pub(crate) name: String,
    /// All of it.
    pub(crate) bytes: Vec<u8>,
}

/// Reads a file, or standard input for `-`. Its size is looked at before it is read.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Payload, Error> {
    let name = name(path);
    let failed = |source| Error::Read { file: name.clone(), source };
    let bytes = if is_stdin(path) {
        bounded(io::stdin().lock(), &name, limit)?
    } else {
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if about.is_dir() {
            return Err(Error::Directory { file: name });
        }
        if about.len() > limit {
            return Err(Error::TooLarge { file: name, size: Some(about.len()), limit });
        }
        bounded(file, &name, limit)?
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::Empty { file: name });
    }
    Ok(Payload { name, bytes })
}

/// The same, for a file that must be text.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<(String, String), Error> {
    let Payload { name, bytes } = read(path, limit)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok((name, text)),
        Err(error) => {
            let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(Error::NotText { file: name, line })
        }
    }
}

/// Reads several files. All that cannot be read are named, not only the first.
pub(crate) fn read_all<P: AsRef<Path>>(paths: &[P], limit: u64) -> Result<Vec<Payload>, Error> {
    if paths.iter().filter(|path| is_stdin(path.as_ref())).count() > 1 {
        return Err(Error::Usage("standard input can be read once: give `-` once".to_owned()));
    }
    let mut payloads = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        match read(path.as_ref(), limit) {
            Ok(payload) => payloads.push(payload),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(payloads) } else { Err(Error::several(errors)) }
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What messages call a path.
fn name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

fn bounded(source: impl Read, name: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    source
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| Error::Read { file: name.to_owned(), source })?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge { file: name.to_owned(), size: None, limit });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_the_limit_is_refused_however_it_comes() {
        assert_eq!(bounded(&b"12345"[..], "x", 5).unwrap(), b"12345");
        assert!(matches!(bounded(&b"123456"[..], "x", 5), Err(Error::TooLarge { .. })));
        // A source without an end is read to the limit and no further.
        assert!(matches!(bounded(io::repeat(b'a'), "x", 5), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn every_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.ics");
        std::fs::write(&empty, "\n").unwrap();
        let paths = [folder.path().join("absent.ics"), folder.path().to_owned(), empty];
        let Err(Error::Several(errors)) = read_all(&paths, 10) else { panic!("read") };
        assert!(matches!(
            errors.as_slice(),
            [Error::Read { .. }, Error::Directory { .. }, Error::Empty { .. }]
        ));
    }

    #[test]
    fn the_line_of_what_is_no_text_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, b"a: 1\nb: \xff\n").unwrap();
        assert!(matches!(read_text(&path, 100), Err(Error::NotText { line: 2, .. })));
    }
}
