//! The encrypted content of a rich notification.
//!
//! A key for AES is encrypted to our certificate with RSA-OAEP (SHA-1). The content is signed with HMAC-SHA256 under that
//! key, which is checked before anything is decrypted, and encrypted with AES-256 in CBC mode, PKCS #7 padding, and the
//! first 16 bytes of the key as initialisation vector.

use std::fmt;

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use data_encoding::BASE64;
use serde_json::Value;

use crate::MAX_BODY;
use crate::json::Look;
use crate::verify::Error;
use crate::verify::mac::{self, Hash};

/// Bytes of the key for AES-256.
const KEY: usize = 32;
/// Bytes of an initialisation vector.
const IV: usize = 16;

/// Encrypted content as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The certificate it is encrypted to, by the id we gave it.
    pub certificate: Option<String>,
    data: String,
    signature: String,
    key: String,
}

impl Sealed {
    /// Reads `encryptedContent`; nothing if a part is missing.
    pub(super) fn read(value: &Value) -> Option<Self> {
        Some(Self {
            certificate: value.id(&["encryptionCertificateId"]),
            data: value.id(&["data"])?,
            signature: value.id(&["dataSignature"])?,
            key: value.id(&["dataKey"])?,
        })
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// The private key of a certificate, that opens what is encrypted to it.
pub struct Opener {
    certificate: String,
    key: OaepPrivateDecryptingKey,
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl Opener {
    /// Takes the key of the certificate of that id, as PKCS #8 in DER.
    ///
    /// # Errors
    /// It is no RSA key of at least 2048 bits.
    pub fn new(certificate: impl Into<String>, pkcs8: &[u8]) -> Result<Self, Error> {
        let unusable = |_| Error::BadSecret("private key");
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8)
            .map_err(|_| Error::BadSecret("private key"))
            .and_then(|key| OaepPrivateDecryptingKey::new(key).map_err(unusable))?;
        Ok(Self { certificate: certificate.into(), key })
    }

    /// Opens content: whichever of the keys it is encrypted to.
    ///
    /// # Errors
    /// None of the certificates is the one it is encrypted to, or it was tampered with.
    pub fn open(openers: &[Self], sealed: &Sealed) -> Result<Vec<u8>, Error> {
        let opener = openers
            .iter()
            .find(|one| sealed.certificate.as_deref() == Some(one.certificate.as_str()))
            .ok_or(Error::UnknownKey)?;
        let decode = |text: &str, what: &'static str| {
            BASE64.decode(text.as_bytes()).map_err(|_| Error::Body(what))
        };
        let mut data = decode(&sealed.data, "data")?;
        if data.len() > MAX_BODY {
            return Err(Error::TooLarge(data.len()));
        }
        let key = opener.unwrap_key(&decode(&sealed.key, "dataKey")?)?;
        let signature = decode(&sealed.signature, "dataSignature")?;
        if !mac::matches(Hash::Sha256, &key, &[&data], &signature) {
            return Err(Error::Mismatch);
        }
        let iv: [u8; IV] =
            key.get(..IV).and_then(|iv| iv.try_into().ok()).ok_or(Error::Body("dataKey"))?;
        let plain = UnboundCipherKey::new(&AES_256, &key)
            .and_then(PaddedBlockDecryptingKey::cbc_pkcs7)
            .and_then(|key| {
                let context = DecryptionContext::Iv128(FixedLength::from(iv));
                key.decrypt(&mut data, context).map(|plain| plain.to_vec())
            });
        plain.map_err(|_| Error::Body("data"))
    }

    /// The key for AES.
    fn unwrap_key(&self, encrypted: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = vec![0; self.key.min_output_size()];
        let key = self
            .key
            .decrypt(&OAEP_SHA1_MGF1SHA1, encrypted, &mut out, None)
            .map_err(|_| Error::Mismatch)?;
        if key.len() == KEY { Ok(key.to_vec()) } else { Err(Error::Body("dataKey")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::cipher::EncryptionContext;
    use aws_lc_rs::cipher::PaddedBlockEncryptingKey;
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::{KeySize, OaepPublicEncryptingKey};
    use serde_json::json;

    /// A key pair, and a function that encrypts to it as Graph does.
    fn pair() -> (Opener, impl Fn(&[u8]) -> Value) {
        let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
        let public = OaepPublicEncryptingKey::new(private.public_key()).unwrap();
        let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&private).unwrap();
        let opener = Opener::new("cert-1", pkcs8.as_ref()).unwrap();
        let seal = move |plain: &[u8]| {
            let key = [7_u8; KEY];
            let mut wrapped = vec![0; public.ciphertext_size()];
            let wrapped =
                public.encrypt(&OAEP_SHA1_MGF1SHA1, &key, &mut wrapped, None).unwrap().to_vec();
            let cipher = UnboundCipherKey::new(&AES_256, &key)
                .and_then(PaddedBlockEncryptingKey::cbc_pkcs7)
                .unwrap();
            let mut data = plain.to_vec();
            let iv: [u8; IV] = key[..IV].try_into().unwrap();
            let context = EncryptionContext::Iv128(FixedLength::from(iv));
            cipher.less_safe_encrypt(&mut data, context).unwrap();
            let signature = mac::sign(Hash::Sha256, &key, &[&data]);
            json!({"data": BASE64.encode(&data), "dataKey": BASE64.encode(&wrapped),
                "dataSignature": BASE64.encode(signature.as_ref()), "encryptionCertificateId": "cert-1"})
        };
        (opener, seal)
    }

    #[test]
    fn sealed_content_is_opened() {
        let (opener, seal) = pair();
        let sealed = Sealed::read(&seal(b"{\"eventType\":\"x\"}")).unwrap();
        assert_eq!(Opener::open(&[opener], &sealed), Ok(b"{\"eventType\":\"x\"}".to_vec()));
    }

    #[test]
    fn content_that_was_tampered_with_stays_sealed() {
        let (opener, seal) = pair();
        let openers = [opener];
        let content = seal(b"{\"eventType\":\"x\"}");
        let open = |content: &Value| Opener::open(&openers, &Sealed::read(content).unwrap());
        for part in ["data", "dataSignature", "dataKey"] {
            let mut other = content.clone();
            let mut bytes = BASE64.decode(content[part].as_str().unwrap().as_bytes()).unwrap();
            bytes[0] ^= 1;
            other[part] = json!(BASE64.encode(&bytes));
            assert_eq!(open(&other), Err(Error::Mismatch), "{part}");
        }
        let mut other = content.clone();
        other["encryptionCertificateId"] = json!("cert-2");
        assert_eq!(open(&other), Err(Error::UnknownKey));
        other = content.clone();
        other["data"] = json!("{placeholder}");
        assert_eq!(open(&other), Err(Error::Body("data")));
    }

    #[test]
    fn neither_key_nor_content_is_shown() {
        let (opener, seal) = pair();
        let content = seal(b"secret");
        let sealed = Sealed::read(&content).unwrap();
        let shown = format!("{opener:?} {sealed:?}");
        assert!(!shown.contains(content["data"].as_str().unwrap()));
        assert!(Opener::new("x", b"not a key").is_err());
    }
}
