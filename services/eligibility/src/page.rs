//! Tokens of pages: opaque to their readers, and of no use in another list.

use data_encoding::BASE64URL_NOPAD;

use crate::error::Error;

/// Where a list goes on: what list it is, and the last thing given.
pub(crate) fn token(list: &str, company: &str, version: u64, last: &str) -> String {
    BASE64URL_NOPAD.encode(format!("{list}\n{company}\n{version}\n{last}").as_bytes())
}

/// The version and the last thing given; `None` for the first page.
///
/// # Errors
/// [`Error::Token`] for a token of another list or of no list.
pub(crate) fn read(list: &str, company: &str, token: &str) -> Result<Option<(u64, String)>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    let plain = BASE64URL_NOPAD.decode(token.as_bytes()).map_err(|_| Error::Token)?;
    let plain = String::from_utf8(plain).map_err(|_| Error::Token)?;
    let mut parts = plain.splitn(4, '\n');
    if parts.next() != Some(list) || parts.next() != Some(company) {
        return Err(Error::Token);
    }
    let version = parts.next().and_then(|version| version.parse().ok()).ok_or(Error::Token)?;
    let last = parts.next().ok_or(Error::Token)?;
    Ok(Some((version, last.to_owned())))
}

/// How many to give: what is asked for, within bounds.
pub(crate) fn size(asked: u32, ordinary: usize, most: usize) -> usize {
    match usize::try_from(asked) {
        Ok(0) => ordinary,
        Ok(asked) => asked.min(most),
        Err(_) => most,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_use_in_its_own_list_only() {
        let given = token("members", "acme", 7, "a\nb");
        assert_eq!(read("members", "acme", &given).unwrap(), Some((7, "a\nb".to_owned())));
        assert_eq!(read("members", "acme", "").unwrap(), None);
        for (list, company, token) in [
            ("versions", "acme", given.as_str()),
            ("members", "other", given.as_str()),
            ("members", "acme", "AAAA"),
            ("members", "acme", "no token"),
        ] {
            assert!(matches!(read(list, company, token), Err(Error::Token)), "{list} {company}");
        }
    }

    #[test]
    fn a_page_is_never_longer_than_is_given() {
        assert_eq!(
            [size(0, 500, 5000), size(7, 500, 5000), size(u32::MAX, 500, 5000)],
            [500, 7, 5000]
        );
    }
}
