//! Company files that somebody thinks of applying, made ready for judging and kept nowhere else.

use std::collections::HashSet;
use std::sync::Arc;

use decision::{CompanyFile, Policy};
use sha2::{Digest as _, Sha256};

use crate::claims;
use crate::company::CANONICAL;
use crate::document::{self, Problem};
use crate::error::Error;
use crate::recent::Recent;

/// Bytes that are hashed without leaving the thread that answers.
const AT_ONCE: usize = 64 * 1024;

/// A proposed company.
#[derive(Debug)]
pub(crate) struct Proposal {
    /// Its policy. It has no version: it was not applied.
    pub(crate) policy: Policy,
    /// The names it would own.
    pub(crate) claims: HashSet<String>,
}

/// Proposals by what they say: the batches of one simulation make it ready once.
#[derive(Debug)]
pub(crate) struct Proposals {
    recent: Recent<[u8; 32], Arc<Proposal>>,
}

impl Proposals {
    /// Keeps at most `capacity` of them, at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { recent: Recent::new(capacity) }
    }

    /// A proposal for a company.
    ///
    /// # Errors
    /// [`Error::TooLarge`], or [`Error::File`] with fields that begin with `draft`; also where it declares another company.
    pub(crate) async fn get(&self, company: &str, draft: String) -> Result<Arc<Proposal>, Error> {
        let (bytes, limit) = (draft.len(), CANONICAL);
        if bytes > limit {
            return Err(Error::TooLarge { what: "the draft", field: "draft", bytes, limit });
        }
        let draft: Arc<str> = draft.into();
        let digest: [u8; 32] = if bytes <= AT_ONCE {
            Sha256::digest(draft.as_bytes()).into()
        } else {
            let draft = Arc::clone(&draft);
            tokio::task::spawn_blocking(move || Sha256::digest(draft.as_bytes()).into()).await?
        };
        let source = Arc::clone(&draft);
        let made = async || tokio::task::spawn_blocking(move || Proposal::make(&source)).await?;
        let proposal = self.recent.get(&digest, made).await?;
        if *proposal.policy.company != *company {
            let declared = &proposal.policy.company;
            let message = format!("the draft declares `{declared}`, the request names `{company}`");
            let place = document::locate(&draft, std::iter::once("company")).pop().flatten();
            return Err(Error::File(vec![Problem {
                field: "draft.company".into(),
                place,
                message,
            }]));
        }
        Ok(proposal)
    }
}

impl Proposal {
    fn make(draft: &str) -> Result<Arc<Self>, Error> {
        let file = read(draft).map_err(|found| Error::File(named(found)))?;
        let claims = claims::of(&file).into_iter().map(|claim| claim.name).collect();
        Ok(Arc::new(Self { policy: Policy::compile(&file, 0), claims }))
    }
}

/// Reads a file in canonical form, or however else somebody wrote it.
fn read(draft: &str) -> Result<CompanyFile, Vec<Problem>> {
    match CompanyFile::from_canonical(draft) {
        Ok(file) if file.validate().is_ok() => Ok(file),
        // What is wrong is found again with its place.
        Ok(_) | Err(_) => document::read(draft),
    }
}

/// Names fields the way the request has them.
fn named(found: Vec<Problem>) -> Vec<Problem> {
    let field = |field: String| match field.as_str() {
        "" => "draft".to_owned(),
        field if field.starts_with('[') => format!("draft{field}"),
        field => format!("draft.{field}"),
    };
    found.into_iter().map(|one| Problem { field: field(one.field), ..one }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str) -> String {
        let mut file = CompanyFile::named("acme");
        file.name = name.to_owned();
        file.canonical()
    }

    #[tokio::test]
    async fn batches_of_one_simulation_make_their_proposal_ready_once() {
        let proposals = Proposals::new(2);
        let all =
            futures::future::join_all((0..8).map(|_| proposals.get("acme", draft("a")))).await;
        let first = all[0].as_ref().unwrap();
        assert!(all.iter().all(|one| Arc::ptr_eq(first, one.as_ref().unwrap())));
        let long = draft(&"x".repeat(2 * AT_ONCE));
        for _ in 0..2 {
            proposals.get("acme", long.clone()).await.unwrap();
        }
        assert_eq!(proposals.recent.len(), 2);
        assert!(Arc::ptr_eq(first, &proposals.get("acme", draft("a")).await.unwrap()));
    }

    #[tokio::test]
    async fn no_more_are_kept_than_there_is_room_for() {
        let proposals = Proposals::new(2);
        for name in ["a", "b", "c", "d"] {
            proposals.get("acme", draft(name)).await.unwrap();
        }
        assert!(proposals.get("acme", "{}".to_owned()).await.is_err());
        assert!(proposals.recent.len() <= 2);
    }
}
