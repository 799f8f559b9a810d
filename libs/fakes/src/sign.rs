//! The arithmetic of signatures, for those who sign as providers do.

use aws_lc_rs::hmac;
use data_encoding::{BASE64, HEXLOWER};

/// HMAC-SHA256 in lower-case hex.
#[must_use]
pub fn sha256_hex(secret: &[u8], text: &[u8]) -> String {
    HEXLOWER.encode(mac(hmac::HMAC_SHA256, secret, text).as_ref())
}

/// HMAC-SHA256 in base64.
#[must_use]
pub fn sha256_base64(secret: &[u8], text: &[u8]) -> String {
    BASE64.encode(mac(hmac::HMAC_SHA256, secret, text).as_ref())
}

/// HMAC-SHA1 in lower-case hex.
#[must_use]
pub fn sha1_hex(secret: &[u8], text: &[u8]) -> String {
    HEXLOWER.encode(mac(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret, text).as_ref())
}

/// HMAC-SHA1 in base64.
#[must_use]
pub fn sha1_base64(secret: &[u8], text: &[u8]) -> String {
    BASE64.encode(mac(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret, text).as_ref())
}

fn mac(hash: hmac::Algorithm, secret: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hash, secret), text)
}
