//! Message authentication codes, computed and compared in constant time.

use aws_lc_rs::{constant_time, digest, hmac};
use data_encoding::Encoding;

use super::{Error, Secret};

/// Which hash a code is made with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hash {
    /// SHA-1: sound inside an HMAC, whatever else is said of it.
    Sha1,
    /// SHA-256.
    Sha256,
}

fn key(hash: Hash, secret: &[u8]) -> hmac::Key {
    let algorithm = match hash {
        Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => hmac::HMAC_SHA256,
    };
    hmac::Key::new(algorithm, secret)
}

/// The code of a message that comes in parts.
pub(crate) fn sign(hash: Hash, secret: &[u8], parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&key(hash, secret));
    for part in parts {
        context.update(part);
    }
    context.sign()
}

/// Whether the bytes are the code of the message.
pub(crate) fn matches(hash: Hash, secret: &[u8], parts: &[&[u8]], code: &[u8]) -> bool {
    equal(sign(hash, secret, parts).as_ref(), code)
}

/// The secret with which the message has this code.
///
/// # Errors
/// There is no secret, or none that fits.
pub(crate) fn find<'a>(
    hash: Hash,
    secrets: &'a [Secret],
    parts: &[&[u8]],
    code: &[u8],
) -> Result<&'a Secret, Error> {
    if secrets.is_empty() {
        return Err(Error::NoSecret);
    }
    secrets.iter().find(|secret| matches(hash, secret.bytes(), parts, code)).ok_or(Error::Mismatch)
}

/// Decodes a code from a header.
///
/// # Errors
/// It is not encoded in that way.
pub(crate) fn decode(
    encoding: &Encoding,
    text: &str,
    header: &'static str,
) -> Result<Vec<u8>, Error> {
    if text.len() > 1024 {
        return Err(Error::Form(header));
    }
    encoding.decode(text.as_bytes()).map_err(|_| Error::Form(header))
}

/// Whether two byte strings are equal, in a time that does not tell where they differ.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// Whether a token that came is one of the configured ones, in a time that tells neither where nor by how much it differs.
///
/// # Errors
/// There is no secret, or none that fits.
pub(crate) fn token(secrets: &[Secret], came: &[u8]) -> Result<(), Error> {
    if secrets.is_empty() {
        return Err(Error::NoSecret);
    }
    let hash = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes);
    let came = hash(came);
    let found =
        secrets.iter().filter(|secret| equal(hash(secret.bytes()).as_ref(), came.as_ref())).count();
    if found > 0 { Ok(()) } else { Err(Error::Mismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    #[test]
    fn codes_are_those_of_the_rfcs() {
        // RFC 4231, test case 2, and RFC 2202, test case 2.
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        assert_eq!(
            HEXLOWER.encode(sign(Hash::Sha256, b"Jefe", &parts).as_ref()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            HEXLOWER.encode(sign(Hash::Sha1, b"Jefe", &parts).as_ref()),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
    }

    #[test]
    fn any_of_several_secrets_may_fit() {
        let secrets = [Secret::new("old").unwrap(), Secret::new("new").unwrap()];
        let code = sign(Hash::Sha256, b"new", &[b"x"]);
        assert_eq!(find(Hash::Sha256, &secrets, &[b"x"], code.as_ref()), Ok(&secrets[1]));
        assert_eq!(find(Hash::Sha256, &secrets, &[b"y"], code.as_ref()), Err(Error::Mismatch));
        assert_eq!(find(Hash::Sha256, &[], &[b"x"], code.as_ref()), Err(Error::NoSecret));
        assert_eq!(token(&secrets, b"old"), Ok(()));
        assert_eq!(token(&secrets, b"olds"), Err(Error::Mismatch));
        assert_eq!(token(&[], b"old"), Err(Error::NoSecret));
    }

    #[test]
    fn a_code_cut_short_does_not_match() {
        let code = sign(Hash::Sha256, b"k", &[b"x"]);
        assert!(matches(Hash::Sha256, b"k", &[b"x"], code.as_ref()));
        assert!(!matches(Hash::Sha256, b"k", &[b"x"], &code.as_ref()[..31]));
        assert!(!matches(Hash::Sha256, b"k", &[b"x"], &[]));
    }
}
