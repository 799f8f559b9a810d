//! Companies: how a new version comes about, and how versions are read.

use std::sync::Arc;

use chassis::Clock;
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use decision::CompanyFile;
use decision::company::{Invalid, Member};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use crate::claims;
use crate::document::{self, Problem};
use crate::error::Error;
use crate::store::{Applied, Draft, Store, Version};

/// How often a change is tried again on a company that others change at the same time.
const ATTEMPTS: usize = 16;
/// The largest canonical form kept, in bytes: one that can be sent in a message.
pub(crate) const CANONICAL: usize = 48 * 1024 * 1024;

/// A change that holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The company.
    pub(crate) company: String,
    /// Its newest version.
    pub(crate) version: u64,
    /// Whether there was anything to change.
    pub(crate) changed: bool,
}

/// Every company and every version of it.
#[derive(Debug, Clone)]
pub(crate) struct Companies {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    news: watch::Sender<()>,
}

impl Companies {
    /// The companies of a store.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, news: watch::Sender::new(()) }
    }

    /// What is asked of the store alone.
    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Wakes whenever this process has applied a version.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Applies a company file as a whole.
    ///
    /// # Errors
    /// What is wrong with the file, whose domain it claims, or those of the store.
    pub(crate) async fn apply(&self, text: String) -> Result<Change, Error> {
        let (text, draft) = self.read(text).await?;
        let applied = self.apply_draft(&draft, None).await?;
        self.change(draft.company, applied, Some(&text))
    }

    /// What would come of a company file, and the file in its canonical form. Nothing is stored.
    ///
    /// # Errors
    /// As for [`Companies::apply`].
    pub(crate) async fn try_out(&self, text: String) -> Result<(Change, String), Error> {
        let (text, draft) = self.read(text).await?;
        let applied = self.store.try_out(&draft).await?;
        let mut change = self.change(draft.company, applied, Some(&text))?;
        // What holds is the version before the one it would have become.
        change.version -= u64::from(change.changed);
        Ok((change, draft.document))
    }

    /// A company file as a draft, and its text.
    async fn read(&self, text: String) -> Result<(Arc<str>, Draft), Error> {
        let (bytes, limit) = (text.len(), document::LIMIT);
        if bytes > limit {
            let (what, field) = ("the company file", "document");
            return Err(Error::TooLarge { what, field, bytes, limit });
        }
        let text: Arc<str> = text.into();
        let source = Arc::clone(&text);
        let now = self.clock.now();
        let draft = tokio::task::spawn_blocking(move || {
            let file = document::read(&source).map_err(Error::File)?;
            draft(&file, now)
        })
        .await??;
        Ok((text, draft))
    }

    /// Adds or replaces a member.
    ///
    /// # Errors
    /// As for [`Companies::apply`]; the member's own fields are named `member.…`.
    pub(crate) async fn apply_member(
        &self,
        company: &str,
        member: Member,
    ) -> Result<Change, Error> {
        self.edit(company, move |file| {
            let place = file.members.iter().position(|known| known.id == member.id);
            match place.and_then(|place| file.members.get_mut(place)) {
                Some(known) => *known = member.clone(),
                None => file.members.push(member.clone()),
            }
            Ok(Some(place.unwrap_or(file.members.len() - 1)))
        })
        .await
    }

    /// Deactivates a member; one who is not active stays so.
    ///
    /// # Errors
    /// [`Error::UnknownMember`], and as for [`Companies::apply`].
    pub(crate) async fn deactivate_member(&self, company: &str, id: &str) -> Result<Change, Error> {
        let id = id.to_owned();
        self.edit(company, move |file| {
            match file.members.iter_mut().find(|member| member.id == id) {
                Some(member) => member.active = false,
                None => {
                    let (company, member) = (file.company.clone(), id.clone());
                    return Err(Error::UnknownMember { company, member });
                }
            }
            Ok(None)
        })
        .await
    }

    /// A version; the newest for 0.
    ///
    /// # Errors
    /// [`Error::UnknownCompany`], [`Error::UnknownVersion`], or those of the store.
    pub(crate) async fn version(&self, company: &str, version: u64) -> Result<Version, Error> {
        if let Some(found) = self.store.version(company, version).await? {
            return Ok(found);
        }
        let company = company.to_owned();
        match self.store.newest(&company).await? {
            Some(newest) => Err(Error::UnknownVersion { company, version, newest }),
            None => Err(Error::UnknownCompany(company)),
        }
    }

    /// Changes the newest version and applies the whole as the next one, again if others were faster.
    /// The change says which member it was about, if any.
    async fn edit<F>(&self, company: &str, change: F) -> Result<Change, Error>
    where
        F: Fn(&mut CompanyFile) -> Result<Option<usize>, Error> + Send + Sync + 'static,
    {
        let change = Arc::new(change);
        for _ in 0..ATTEMPTS {
            let base = self.version(company, 0).await?;
            let (change, now) = (Arc::clone(&change), self.clock.now());
            let draft = tokio::task::spawn_blocking(move || {
                let mut file =
                    CompanyFile::from_canonical(&base.document).map_err(Error::Unreadable)?;
                let member = change(&mut file)?;
                file.validate().map_err(|found| Error::File(of_member(found, member)))?;
                draft(&file, now)
            })
            .await??;
            let applied = self.apply_draft(&draft, Some(base.stamp.version)).await?;
            if !matches!(applied, Applied::Stale(_)) {
                return self.change(draft.company, applied, None);
            }
        }
        Err(Error::Contended(company.to_owned()))
    }

    /// Applies a draft, again where another process took the same number.
    async fn apply_draft(&self, draft: &Draft, base: Option<u64>) -> Result<Applied, Error> {
        for _ in 0..ATTEMPTS {
            match self.store.apply(draft, base).await {
                Ok(applied) => {
                    if matches!(applied, Applied::New(_)) {
                        self.news.send_replace(());
                    }
                    return Ok(applied);
                }
                Err(storage::Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Contended(draft.company.clone()))
    }

    fn change(
        &self,
        company: String,
        applied: Applied,
        text: Option<&str>,
    ) -> Result<Change, Error> {
        match applied {
            Applied::New(version) => Ok(Change { company, version, changed: true }),
            Applied::Unchanged(version) => Ok(Change { company, version, changed: false }),
            Applied::Stale(_) => Err(Error::Contended(company)),
            Applied::Taken(claim) => {
                let field = std::iter::once(claim.field.as_str());
                let place = text.and_then(|text| document::locate(text, field).pop().flatten());
                let message = String::new();
                Err(Error::Taken(Problem { field: claim.field, place, message }, claim.name))
            }
        }
    }
}

fn draft(file: &CompanyFile, applied_at: DateTime<Utc>) -> Result<Draft, Error> {
    let document = file.canonical();
    let (bytes, limit) = (document.len(), CANONICAL);
    if bytes > limit {
        let what = "the company file with its defaults written out";
        return Err(Error::TooLarge { what, field: "document", bytes, limit });
    }
    let digest = HEXLOWER.encode(&Sha256::digest(document.as_bytes()));
    let claims = claims::of(file);
    Ok(Draft { company: file.company.clone(), document, digest, claims, applied_at })
}

/// Names fields the way the request has them, where they are those of the member it is about.
fn of_member(found: Vec<Invalid>, member: Option<usize>) -> Vec<Problem> {
    let own = member.map(|member| format!("members[{member}]"));
    found
        .into_iter()
        .map(|Invalid { field, message }| {
            let rest = own.as_deref().and_then(|own| field.strip_prefix(own));
            let field = rest.map_or(field.clone(), |rest| format!("member{rest}"));
            Problem { field, place: None, message }
        })
        .collect()
}
