//! How consent learns what it must know of calls: the policy, where links lead, and what was chosen.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use decision::company::{LinkType, Profile};
use decision::consent::{Facts, token};
use decision::links::{Link, Resolution};
use decision::{CallKey, Missing};
use prost::Message as _;
use proto::Invalid;
use proto::calendar::v1::ConsentShape;
use proto::consent::link_type;
use proto::consent::v1::{ApplyConsentProfileRequest, ConsentQuestion};
use sha2::{Digest as _, Sha256};
use tracing::warn;

use crate::cache::Cache;
use crate::error::Error;
use crate::key::KeyFile;
use crate::part::{self, Part};
use crate::store::{MeetingId, Store};

/// Policy versions in memory; each is small.
const PARTS: usize = 4_096;
/// Drafts in memory: those that are tried out at the same time.
const DRAFTS: usize = 16;
/// Verifying a signature takes a tenth of a millisecond; after so many others get their turn.
const TURN: usize = 32;

/// Learns facts.
#[derive(Debug)]
pub(crate) struct Gather {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) key: KeyFile,
    parts: Cache<(Arc<str>, u64), Part>,
    /// By the digest of all they say.
    drafts: Cache<[u8; 32], Part>,
}

/// What was learned of one call. A fact that was not learned is [`Missing`], which no rule reads as a permission.
#[derive(Debug)]
pub(crate) struct Learned<'a> {
    profile: Result<Option<(&'a str, &'a Profile)>, Missing>,
    links: Result<Vec<Link>, Missing>,
    refused: Result<bool, Missing>,
}

impl Learned<'_> {
    /// What the rules look at.
    pub(crate) fn facts<'a>(&'a self, company: &'a str) -> Facts<'a> {
        Facts {
            company,
            profile_name: self.profile.ok().flatten().map(|(name, _)| name),
            profile: self.profile.map(|found| found.map(|(_, profile)| profile)),
            links: self.links.as_deref().map_err(|missing| *missing),
            refused: self.refused,
        }
    }
}

impl Gather {
    /// Learns through a store and a key file.
    pub(crate) fn new(store: Arc<dyn Store>, key: KeyFile) -> Self {
        Self { store, key, parts: Cache::new(PARTS), drafts: Cache::new(DRAFTS) }
    }

    /// The consent part of a policy version.
    ///
    /// # Errors
    /// It was not applied here, or the store fails.
    pub(crate) async fn part(&self, company: &str, version: u64) -> Result<Arc<Part>, Error> {
        let load = async || {
            let kept = self.store.part(company, version).await?;
            kept.map(Part::compile)
                .ok_or_else(|| Error::UnknownVersion { company: company.to_owned(), version })
        };
        self.parts.get_or_load((Arc::from(company), version), load).await
    }

    /// A proposed consent part, checked as one that is applied and made ready once. Nothing of it is stored.
    ///
    /// # Errors
    /// It is of another company, or could not be applied.
    pub(crate) async fn draft(
        &self,
        company: &str,
        draft: ApplyConsentProfileRequest,
    ) -> Result<Arc<Part>, Error> {
        if draft.company != company {
            let problem = format!("it is `{}` in a request for `{company}`", draft.company);
            return Err(Invalid::Text { field: "draft.company", problem }.into());
        }
        let digest: [u8; 32] = Sha256::digest(draft.encode_to_vec()).into();
        let compile = async || Ok(Part::compile(part::from_wire(draft)?.2));
        self.drafts.get_or_load(digest, compile).await
    }

    /// Everything the rules ask of a batch of calls, with at most one query.
    pub(crate) async fn learn<'a>(
        &self,
        company: &str,
        part: &'a Part,
        calls: &'a [ConsentQuestion],
        now: DateTime<Utc>,
    ) -> Vec<Learned<'a>> {
        let profiles: Vec<_> = calls.iter().map(|call| part.profile(&call.profile)).collect();
        // Where nothing is enforced no rule looks further: links and choices stay unknown there.
        let asked: Vec<bool> = profiles
            .iter()
            .map(|found| !matches!(found, Ok(found) if !found.is_some_and(|(_, it)| it.enabled && it.enforced)))
            .collect();
        let asking = || calls.iter().zip(&asked).filter(|(_, asked)| **asked).map(|(call, _)| call);

        let shapes = asking().flat_map(|call| &call.links).filter_map(|link| link.consent.as_ref());
        let resolved = self.resolve(part, shapes, now).await;
        let meetings: Vec<Result<Option<MeetingId>, Missing>> = calls.iter().map(meeting).collect();
        let wanted: HashSet<MeetingId> = meetings
            .iter()
            .zip(&asked)
            .filter(|(_, asked)| **asked)
            .filter_map(|(meeting, _)| meeting.clone().ok().flatten())
            .collect();
        let refused = self.refused(company, wanted).await;

        let links_of = |call: &ConsentQuestion| {
            let link = |link: &proto::calendar::v1::Link| {
                link.to_core(link.consent.as_ref().and_then(|shape| resolved.get(shape)))
            };
            call.links.iter().map(link).collect::<Result<Vec<_>, _>>().map_err(|_| Missing("links"))
        };
        let mut learned = Vec::with_capacity(calls.len());
        for (((call, profile), asked), meeting) in
            calls.iter().zip(profiles).zip(asked).zip(meetings)
        {
            learned.push(if asked {
                Learned {
                    profile,
                    links: links_of(call),
                    refused: meeting.and_then(|meeting| {
                        let refused = refused.as_ref().map_err(|missing| *missing)?;
                        // Without a UID nobody could record a choice.
                        Ok(meeting.is_some_and(|meeting| refused.contains(&meeting)))
                    }),
                }
            } else {
                Learned { profile, links: Err(Missing("links")), refused: Err(Missing("choices")) }
            });
        }
        learned
    }

    /// Where links lead, each different one verified once.
    pub(crate) async fn resolve<'a>(
        &self,
        part: &Part,
        shapes: impl Iterator<Item = &'a ConsentShape>,
        now: DateTime<Utc>,
    ) -> Resolved<'a> {
        let mut resolved = HashMap::new();
        let mut own = self.key.public();
        let mut keys: Vec<_> = part.keys.iter().cloned().chain(own.clone()).collect();
        let mut looked_again = false;
        for shape in shapes {
            let id = identity(shape);
            if resolved.contains_key(&id) {
                continue;
            }
            let mut resolution = resolve_one(part, shape, &keys, now);
            // Another process may have made the key since.
            if is_unknown_key(&resolution) && !looked_again {
                looked_again = true;
                let found = self.key.look_again().await;
                // Compared with what this request knew: another one may have looked a moment before.
                if found != own {
                    own = found;
                    keys = part.keys.iter().cloned().chain(own.clone()).collect();
                    resolution = resolve_one(part, shape, &keys, now);
                }
            }
            resolved.insert(id, resolution);
            if resolved.len().is_multiple_of(TURN) {
                tokio::task::yield_now().await;
            }
        }
        Resolved(resolved)
    }

    async fn refused(
        &self,
        company: &str,
        meetings: HashSet<MeetingId>,
    ) -> Result<HashSet<MeetingId>, Missing> {
        self.store.refused(company, meetings).await.map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            warn!(%error, source, "choices could not be read");
            Missing("choices")
        })
    }
}

/// What became of links.
#[derive(Debug)]
pub(crate) struct Resolved<'a>(HashMap<Identity<'a>, Resolution>);

type Identity<'a> = (&'a str, &'a str, i32, &'a str);

impl Resolved<'_> {
    /// What became of a link; none where it was not among those asked for.
    pub(crate) fn get<'s>(&'s self, shape: &'s ConsentShape) -> Option<&'s Resolution> {
        self.0.get(&identity(shape))
    }
}

fn identity(shape: &ConsentShape) -> Identity<'_> {
    (&shape.host, &shape.company, shape.r#type, &shape.token)
}

fn resolve_one(
    part: &Part,
    shape: &ConsentShape,
    keys: &[token::PublicKey],
    now: DateTime<Utc>,
) -> Resolution {
    let Some(link_type) = link_type(shape.r#type) else {
        return Resolution::Unresolvable {
            link_type: LinkType::Static,
            reason: "unreadable".into(),
        };
    };
    let shape =
        token::Shape { host: &shape.host, company: &shape.company, link_type, token: &shape.token };
    token::resolve(&shape, part.host.as_deref(), keys, now)
}

fn is_unknown_key(resolution: &Resolution) -> bool {
    matches!(resolution, Resolution::Unresolvable { reason, .. } if reason == "unknown_key")
}

/// The meeting of a question; none where it has no UID.
fn meeting(call: &ConsentQuestion) -> Result<Option<MeetingId>, Missing> {
    let key = call.key.clone().unwrap_or_default();
    CallKey::try_from(key).map(|key| MeetingId::of(&key)).map_err(|_| Missing("meeting"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::Sql;
    use storage::StoreConfig;

    #[tokio::test]
    async fn a_draft_is_made_ready_once_and_few_are_kept() {
        let store = Sql::open(&StoreConfig::memory(), 1).await.unwrap();
        let gather = Gather::new(Arc::new(store), KeyFile::new(None, || [7; 32]));
        let draft = |host: String| ApplyConsentProfileRequest {
            company: "acme".into(),
            host,
            default_profile: "none".into(),
            ..ApplyConsentProfileRequest::default()
        };
        let get = async |n: usize| gather.draft("acme", draft(format!("{n}.example"))).await;
        let first = get(0).await.unwrap();
        assert!(Arc::ptr_eq(&first, &get(0).await.unwrap()));
        for n in 1..=DRAFTS {
            assert!(!Arc::ptr_eq(&first, &get(n).await.unwrap()));
        }
        assert!(!Arc::ptr_eq(&first, &get(0).await.unwrap()));
    }
}
