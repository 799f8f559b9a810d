//! The settings of a store.

use super::Store;
use crate::error::Error;
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use serde::Deserialize;
use std::fmt;
use std::path::{Path, PathBuf};
use url::Url;

/// A text that does not show itself.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Where recordings are to lie.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A folder (`recordings`, `file:///var/recordings`), `s3://bucket/prefix`, or `memory:`, which forgets.
    pub url: String,
    /// Where the bucket is served, if not by AWS: `https://minio.example:9000`.
    pub endpoint: Option<String>,
    /// The region of the bucket. Else `AWS_REGION`, else `us-east-1`.
    pub region: Option<String>,
    /// The id of the key. Without one, what AWS has in the environment: `AWS_ACCESS_KEY_ID`, a web identity, a role.
    pub access_key_id: Option<String>,
    /// The secret of the key.
    pub secret_access_key: Option<Secret>,
    /// A file with the secret of the key, read once at the start.
    pub secret_access_key_file: Option<PathBuf>,
    /// Whether `endpoint` may be `http://`: for tests and laptops.
    pub plain_http: bool,
    /// Whether the bucket is named in the host instead of the path.
    pub virtual_hosted: bool,
    /// Whether the store knows conditional writes (`If-None-Match`, `If-Match`). All of S3, MinIO and R2 do; for one that
    /// does not, whoever calls must see to it that a recording is fetched by one process at a time.
    pub conditional: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "recordings".to_owned(),
            endpoint: None,
            region: None,
            access_key_id: None,
            secret_access_key: None,
            secret_access_key_file: None,
            plain_http: false,
            virtual_hosted: false,
            conditional: true,
        }
    }
}

impl Settings {
    /// Opens the store. Nothing is sent anywhere yet.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting that cannot be, [`Error::Store`] for a folder that cannot be made.
    pub fn open(&self) -> Result<Store, Error> {
        // A letter alone is a drive, not a scheme.
        let parsed = Url::parse(&self.url).ok().filter(|url| url.scheme().len() > 1);
        let Some(url) = parsed else { return self.folder(Path::new(&self.url)) };
        match url.scheme() {
            "file" => match url.to_file_path() {
                Ok(path) => self.folder(&path),
                Err(()) => Err(Error::Setting(format!(
                    "`{}` is no folder; write `file:///path`",
                    self.url
                ))),
            },
            "memory" => Ok(Store::memory()),
            "s3" => self.bucket(&url),
            other => Err(Error::Setting(format!(
                "`{other}:` is no kind of store; write a folder, `s3://bucket/prefix` or `memory:`"
            ))),
        }
    }

    fn folder(&self, path: &Path) -> Result<Store, Error> {
        if path.as_os_str().is_empty() {
            return Err(Error::Setting(
                "the store has no url; write a folder or `s3://bucket/prefix`".to_owned(),
            ));
        }
        Store::folder(path)
    }

    fn bucket(&self, url: &Url) -> Result<Store, Error> {
        let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).ok_or_else(|| {
            Error::Setting(format!("`{}` names no bucket; write `s3://bucket/prefix`", self.url))
        })?;
        // What is written beats what stands in the environment.
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_allow_http(self.plain_http)
            .with_virtual_hosted_style_request(self.virtual_hosted)
            .with_conditional_put(match self.conditional {
                true => S3ConditionalPut::ETagMatch,
                false => S3ConditionalPut::Disabled,
            });
        if let Some(endpoint) = &self.endpoint {
            if endpoint.starts_with("http://") && !self.plain_http {
                return Err(Error::Setting(
                    "`endpoint` is http://, so keys and recordings could be read on the way; write https://, or set `plain_http`"
                        .to_owned(),
                ));
            }
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        match (&self.access_key_id, self.secret()?) {
            (Some(id), Some(Secret(secret))) => {
                builder = builder.with_access_key_id(id).with_secret_access_key(secret);
            }
            (None, None) => {}
            _ => {
                return Err(Error::Setting(
                    "`access_key_id` and its secret go together; set both or neither".to_owned(),
                ));
            }
        }
        let bucket = builder.build().map_err(|error| Error::Setting(error.to_string()))?;
        Ok(Store::parts_below(url.path().trim_matches('/'), bucket, self.conditional))
    }

    fn secret(&self) -> Result<Option<Secret>, Error> {
        match (&self.secret_access_key, &self.secret_access_key_file) {
            (Some(_), Some(_)) => Err(Error::Setting(
                "`secret_access_key` and `secret_access_key_file` are both set; keep one"
                    .to_owned(),
            )),
            (None, Some(file)) => match std::fs::read_to_string(file) {
                Ok(text) => Ok(Some(Secret(text.trim_end().to_owned()))),
                Err(error) => Err(Error::Setting(format!(
                    "`secret_access_key_file` `{}` cannot be read: {error}",
                    file.display()
                ))),
            },
            (secret, None) => Ok(secret.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(url: &str) -> Settings {
        Settings { url: url.to_owned(), ..Settings::default() }
    }

    #[test]
    fn a_folder_is_named_bare_or_by_url() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        with(path.to_str().unwrap()).open().unwrap();
        assert!(path.is_dir());
        let path = folder.path().join("b c");
        with(Url::from_file_path(&path).unwrap().as_str()).open().unwrap();
        assert!(path.is_dir());
    }

    #[test]
    fn what_cannot_be_is_said() {
        let key = |id: Option<&str>, secret: Option<&str>| Settings {
            access_key_id: id.map(str::to_owned),
            secret_access_key: secret.map(Secret::new),
            region: Some("eu-central-1".to_owned()),
            ..with("s3://bucket/prefix")
        };
        key(Some("id"), Some("s3cret")).open().unwrap();
        for (settings, word) in [
            (with("gopher://x"), "gopher"),
            (with(""), "no url"),
            (key(Some("id"), None), "go together"),
            (
                Settings {
                    endpoint: Some("http://minio.example".to_owned()),
                    ..with("s3://bucket")
                },
                "plain_http",
            ),
        ] {
            let said = settings.open().unwrap_err().to_string();
            assert!(said.contains(word), "{said}");
        }
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let settings =
            Settings { secret_access_key: Some(Secret::new("s3cret")), ..with("s3://bucket") };
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
