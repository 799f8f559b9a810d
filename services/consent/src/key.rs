//! The service's own signing key: a file that is made on first use and read by whoever verifies.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use decision::consent::token::{Claims, PrivateKey, PublicKey};
use tracing::warn;

/// A key in PEM form has some 120 bytes; what is much longer is something else.
const LONGEST: u64 = 16_384;

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Neither settings nor environment name a place.
    #[error("there is no place for the signing key: set `key_file`, or HOME")]
    NoPlace,
    /// It is there and cannot be read.
    #[error("cannot read the key file `{}`: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error(
        "the key file `{}` holds no Ed25519 private key in PEM (PKCS#8) form: put the key back, or move the file away \
         to have a new one made",
        .0.display()
    )]
    NoKey(PathBuf),
    /// It cannot be made.
    #[error("cannot make the key file `{}`: {source}", .path.display())]
    Make {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The work was given up because the process ends.
    #[error("the process is ending")]
    Ending,
}

impl Error {
    /// The file, where there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Read { path, .. } | Self::NoKey(path) | Self::Make { path, .. } => Some(path),
            Self::NoPlace | Self::Ending => None,
        }
    }
}

/// The key file. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct KeyFile {
    path: Option<Arc<Path>>,
    entropy: fn() -> [u8; 32],
    seen: Arc<Mutex<Seen>>,
}

/// What was found when the file was last read. The private key is not kept in memory.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// When the file was changed, and its length.
    stamp: Option<(SystemTime, u64)>,
    public: Option<PublicKey>,
}

impl KeyFile {
    /// The key file at a path, with what a new key is made of. Reads it if it is there.
    pub(crate) fn new(path: Option<PathBuf>, entropy: fn() -> [u8; 32]) -> Self {
        let file = Self { path: path.map(Arc::from), entropy, seen: Arc::default() };
        file.look();
        file
    }

    /// The public key as last seen; none where there was no key.
    pub(crate) fn public(&self) -> Option<PublicKey> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).public.clone()
    }

    /// The public key after looking whether the file appeared or changed since it was last read.
    pub(crate) async fn look_again(&self) -> Option<PublicKey> {
        let file = self.clone();
        // Where the process ends, what was seen before is as good an answer as any.
        let _ = tokio::task::spawn_blocking(move || file.look()).await;
        self.public()
    }

    /// Signs claims, with a key that is made if there is none.
    ///
    /// # Errors
    /// There is no key, and none can be made.
    pub(crate) async fn sign(&self, claims: Claims) -> Result<String, Error> {
        let file = self.clone();
        tokio::task::spawn_blocking(move || {
            let path = file.path.as_deref().ok_or(Error::NoPlace)?;
            let key = match read(path)? {
                Some(key) => key,
                None => {
                    make(path, (file.entropy)())?;
                    // Another process may have been first: what lies there counts.
                    read(path)?.ok_or_else(|| Error::NoKey(path.to_owned()))?
                }
            };
            file.look();
            Ok(key.sign(&claims))
        })
        .await
        .unwrap_or(Err(Error::Ending))
    }

    /// Reads the file if it is another one than before.
    fn look(&self) {
        let Some(path) = self.path.as_deref() else { return };
        let stamp =
            std::fs::metadata(path).and_then(|found| Ok((found.modified()?, found.len()))).ok();
        if self.seen.lock().unwrap_or_else(PoisonError::into_inner).stamp == stamp {
            return;
        }
        let public = match read(path) {
            Ok(key) => key.map(|key| key.public()),
            Err(error) => {
                warn!(%error, "links signed here cannot be verified");
                None
            }
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen { stamp, public };
    }
}

/// The key in a file; none where there is no file.
fn read(path: &Path) -> Result<Option<PrivateKey>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut pem = String::new();
    match file.take(LONGEST).read_to_string(&mut pem) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            return Err(Error::NoKey(path.to_owned()));
        }
        Err(error) => return Err(failed(error)),
    }
    PrivateKey::from_pem(&pem).map(Some).map_err(|_| Error::NoKey(path.to_owned()))
}

/// Makes the file, whole or not at all, for its owner alone. One that is there already stays as it is.
fn make(path: &Path, entropy: [u8; 32]) -> Result<(), Error> {
    let failed = |source| Error::Make { path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let pem = PrivateKey::from_bytes(&entropy)
        .to_pem()
        .map_err(|error| failed(std::io::Error::other(error)))?;
    let written = || -> std::io::Result<_> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(".consent-key-")
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(folder)?;
        file.write_all(pem.as_bytes())?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    match written().map_err(failed)?.persist_noclobber(path) {
        Ok(_) => File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed),
        Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(refused) => Err(failed(refused.error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use decision::company::LinkType;
    use decision::{Conference, Provider};
    use std::collections::BTreeSet;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU8, Ordering};

    /// Every key made in these tests is another one.
    fn entropy() -> [u8; 32] {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        [NEXT.fetch_add(1, Ordering::Relaxed); 32]
    }

    fn claims() -> Claims {
        Claims {
            company: "acme".into(),
            link_type: LinkType::Static,
            conference: Conference { provider: Provider::Zoom, id: "123456789".into() },
            expires_at: DateTime::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn the_file_appears_with_the_first_signature_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/key.pem");
        let file = KeyFile::new(Some(path.clone()), entropy);
        assert_eq!(file.public(), None);
        assert!(!path.exists());
        let token = file.sign(claims()).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(file.public().is_some());
        assert_eq!(file.sign(claims()).await.unwrap(), token);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn processes_that_make_the_file_at_once_agree_on_one_key() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("key.pem");
            let start = Barrier::new(8);
            let keys: BTreeSet<String> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            start.wait();
                            make(&path, rand::random()).unwrap();
                            read(&path).unwrap().unwrap().public_pem().unwrap()
                        })
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(keys.len(), 1);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[tokio::test]
    async fn a_key_made_by_another_process_is_found_by_looking_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let (one, other) =
            (KeyFile::new(Some(path.clone()), entropy), KeyFile::new(Some(path), entropy));
        one.sign(claims()).await.unwrap();
        assert_eq!(other.public(), None);
        for _ in 0..2 {
            assert!(other.look_again().await.is_some());
            assert_eq!(other.public(), one.public());
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_key_is_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        std::fs::write(&path, "no key").unwrap();
        let file = KeyFile::new(Some(path.clone()), entropy);
        assert_eq!(file.public(), None);
        let error = file.sign(claims()).await.unwrap_err();
        assert!(error.to_string().contains("key.pem"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "no key");
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let file = KeyFile::new(Some(blocked.join("key.pem")), entropy);
        let error = file.sign(claims()).await.unwrap_err();
        assert!(error.path().is_some_and(|path| path.ends_with("file/key.pem")), "{error}");
        let nowhere = KeyFile::new(None, entropy);
        assert!(matches!(nowhere.sign(claims()).await, Err(Error::NoPlace)));
        assert_eq!(nowhere.look_again().await, None);
    }
}
