//! Encrypted content, and the tokens that vouch for it.

use std::sync::OnceLock;

use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::{KeySize, OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use chrono::{DateTime, Utc};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXUPPER};
use serde_json::{Value, json};

use super::Options;

/// The application of Microsoft's that sends notifications.
const PUBLISHER: &str = "0bf30f3b-4a52-48df-9a82-234910c4a086";
/// The name of the key the tokens are signed with.
const KEY: &str = "played-1";
/// How the description of an RSA key of 2048 bits or more goes on, four bytes behind its beginning (RFC 5280, RFC 8017).
const RSA: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03,
];

/// The public key in a certificate, or anything else that holds one; none if there is none.
pub(super) fn public_key(certificate: &[u8]) -> Option<Vec<u8>> {
    let place = certificate.windows(RSA.len()).position(|bytes| bytes == RSA)?;
    let start = place.checked_sub(4)?;
    let [0x30, 0x82, high, low] = certificate[start..place] else { return None };
    let end = place + usize::from(u16::from_be_bytes([high, low]));
    let key = certificate.get(start..end)?.to_vec();
    PublicEncryptingKey::from_der(&key).ok().map(|_| key)
}

/// Content as Graph encrypts it to a key: another key for AES each time.
pub(super) fn sealed(public: &[u8], certificate: &str, plain: &[u8]) -> Value {
    let mut key = [0; 32];
    rand::fill(&mut key).expect("chance");
    let public = PublicEncryptingKey::from_der(public).expect("a public key");
    let public = OaepPublicEncryptingKey::new(public).expect("a public key");
    let mut wrapped = vec![0; public.ciphertext_size()];
    let wrapped =
        public.encrypt(&OAEP_SHA1_MGF1SHA1, &key, &mut wrapped, None).expect("a wrapped key");
    let cipher =
        UnboundCipherKey::new(&AES_256, &key).and_then(PaddedBlockEncryptingKey::cbc_pkcs7);
    let iv: [u8; 16] = key[..16].try_into().expect("sixteen bytes");
    let mut data = plain.to_vec();
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    cipher.expect("a cipher").less_safe_encrypt(&mut data, context).expect("encrypted data");
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &data);
    json!({"data": BASE64.encode(&data), "dataKey": BASE64.encode(wrapped),
        "dataSignature": BASE64.encode(signature.as_ref()), "encryptionCertificateId": certificate,
        "encryptionCertificateThumbprint": HEXUPPER.encode(&key[16..20])})
}

/// Who signs tokens. There is one, since keys take time to make.
#[derive(Debug)]
pub(crate) struct Issuer(RsaKeyPair);

impl Issuer {
    pub(crate) fn get() -> &'static Self {
        static ISSUER: OnceLock<Issuer> = OnceLock::new();
        ISSUER.get_or_init(|| Self(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")))
    }

    /// The public key as a JWKS document.
    pub(crate) fn keys(&self) -> Value {
        // RSAPublicKey in DER, of 2048 bits: headers of fixed length, the modulus, and 65537.
        let public = self.0.public_key().as_ref();
        let n = BASE64URL_NOPAD.encode(&public[9..265]);
        let e = BASE64URL_NOPAD.encode(&public[public.len() - 3..]);
        json!({"keys": [{"kty": "RSA", "use": "sig", "kid": KEY, "n": n, "e": e}]})
    }

    /// A token that vouches for what is sent to an application.
    pub(super) fn token(&self, options: &Options, now: DateTime<Utc>) -> String {
        let tenant = &options.tenant;
        let claims = json!({"aud": options.application, "azp": PUBLISHER, "tid": tenant,
            "iss": format!("https://login.microsoftonline.com/{tenant}/v2.0"), "ver": "2.0",
            "iat": now.timestamp(), "nbf": now.timestamp(), "exp": now.timestamp() + 3600});
        self.sign(&claims)
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": KEY});
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let mut signature = vec![0; self.0.public_modulus_len()];
        let chance = SystemRandom::new();
        self.0
            .sign(&RSA_PKCS1_SHA256, &chance, signed.as_bytes(), &mut signature)
            .expect("a signature");
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }
}
