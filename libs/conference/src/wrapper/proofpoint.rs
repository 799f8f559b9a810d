//! The second and third form of Proofpoint's URL Defense.

use data_encoding::BASE64URL_NOPAD;

/// The target of `v2/url?u=`: `-` stands for `%`, `_` for `/`.
pub(super) fn v2(value: &str) -> Option<String> {
    let escaped: String = value
        .chars()
        .map(|c| match c {
            '-' => '%',
            '_' => '/',
            other => other,
        })
        .collect();
    super::percent(&escaped).map(|target| target.replace("&amp;", "&"))
}

/// Names a run's length after `**`: its place in here, and two more.
const RUNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The target of `v3/__{text}__;{bytes}!…`: in the text `*` is the next byte, `**X` a run of them.
pub(super) fn v3(path: &str) -> Option<String> {
    let inner = path.strip_prefix("__")?;
    let (text, trailer) = inner.rsplit_once("__;")?;
    let (bytes, _) = trailer.split_once('!')?;
    let bytes = BASE64URL_NOPAD.decode(bytes.trim_end_matches('=').as_bytes()).ok()?;
    let mut bytes = bytes.iter().copied();
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut text = text.bytes().peekable();
    while let Some(byte) = text.next() {
        if byte != b'*' {
            out.push(byte);
            continue;
        }
        if text.peek() != Some(&b'*') {
            out.push(bytes.next()?);
            continue;
        }
        text.next();
        let sign = text.next()?;
        let length = RUNS.iter().position(|&run| run == sign)?.saturating_add(2);
        for _ in 0..length {
            out.push(bytes.next()?);
        }
    }
    let target = String::from_utf8(out).ok()?;
    Some(repair(target))
}

/// Some gateways fold the two slashes after the scheme into one.
fn repair(target: String) -> String {
    match target.split_once(":/") {
        Some((scheme, rest)) if !rest.starts_with('/') && !scheme.contains('/') => {
            format!("{scheme}://{rest}")
        }
        _ => target,
    }
}
