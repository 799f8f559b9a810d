//! What the peers of a test know, and how they are made to fail.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use decision::company::Profile;
use decision::{CallKey, CompanyFile, Policy};
use proto::calendar::v1 as calendar;
use proto::consent::v1::ApplyConsentProfileRequest;
use proto::eligibility::v1 as eligibility;
use proto::provider::v1::ApplyProviderFactsRequest;
use tokio::sync::watch;
use tonic::Status;

use crate::adapters::Adapters;

/// How a method answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mood {
    /// As the contract says.
    #[default]
    Well,
    /// UNAVAILABLE.
    Down,
    /// Later than anybody waits.
    Slow,
    /// As the contract says, and so late that others look meanwhile what there is to do.
    Late,
    /// With one answer too few.
    Short,
    /// With one answer too many.
    Long,
    /// With answers that say nothing.
    Unspecified,
}

/// One question a peer was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The method.
    pub(crate) method: &'static str,
    /// Meetings, calls or links in it.
    pub(crate) size: usize,
}

/// Something done to the state when a method is called, before it answers.
type Hook = Box<dyn FnOnce(&mut State) + Send>;

/// A change of a meeting.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The meeting after it.
    pub(crate) meeting: calendar::Meeting,
    /// No calendar holds it any more.
    pub(crate) removed: bool,
}

/// What the peers know.
#[derive(Default)]
pub(crate) struct State {
    versions: BTreeMap<String, Vec<Arc<(CompanyFile, Policy)>>>,
    policies: Vec<eligibility::PolicyVersion>,
    meetings: BTreeMap<(String, String), calendar::Meeting>,
    removed: BTreeMap<(String, String), calendar::Meeting>,
    changes: Vec<Change>,
    moods: BTreeMap<&'static str, Mood>,
    hooks: BTreeMap<&'static str, VecDeque<Hook>>,
    asked: Vec<Asked>,
    under_way: BTreeMap<&'static str, usize>,
    side_by_side: BTreeMap<&'static str, usize>,
    /// How far the change log was read when watching began, each time.
    pub(crate) watched_from: Vec<u64>,
    /// The consent parts that were applied, by company and version.
    pub(crate) consent: BTreeMap<(String, u64), ApplyConsentProfileRequest>,
    /// The provider facts that were applied, by company and version.
    pub(crate) facts: BTreeMap<(String, u64), ApplyProviderFactsRequest>,
    /// Calls a participant does not want to be recorded.
    pub(crate) refused: BTreeSet<CallKey>,
    /// The same in the order in which they were told, with their companies.
    pub(crate) refusals: Vec<(String, CallKey)>,
    /// When all of them were made, if that is told.
    pub(crate) refused_at: Option<DateTime<Utc>>,
    /// Companies whose meetings are told later than anybody waits.
    pub(crate) silent: BTreeSet<String>,
    /// Changes after this position are not told.
    pub(crate) cut_log_after: Option<u64>,
    /// What the adapters have been told, and tell.
    pub(crate) adapters: Adapters,
    /// Owner told instead of the one that was found.
    pub(crate) told_owner: Option<String>,
}

impl State {
    /// Makes a method answer in another way from now on.
    pub(crate) fn make(&mut self, method: &'static str, mood: Mood) {
        self.moods.insert(method, mood);
    }

    /// Applies a company file; the version that holds now.
    pub(crate) fn apply(&mut self, file: CompanyFile) -> u64 {
        file.validate().expect("an example that is valid");
        let versions = self.versions.entry(file.company.clone()).or_default();
        let version = u64::try_from(versions.len()).unwrap() + 1;
        self.policies.push(eligibility::PolicyVersion {
            company: file.company.clone(),
            policy_version: version,
            ..eligibility::PolicyVersion::default()
        });
        let policy = Policy::compile(&file, version);
        versions.push(Arc::new((file, policy)));
        version
    }

    /// A participant refuses to be recorded.
    pub(crate) fn refuse(&mut self, company: &str, key: CallKey) {
        self.refused.insert(key.clone());
        self.refusals.push((company.to_owned(), key));
    }

    /// A version of a company; the newest for 0.
    pub(crate) fn version(
        &self,
        company: &str,
        version: u64,
    ) -> Result<Arc<(CompanyFile, Policy)>, Status> {
        let versions =
            self.versions.get(company).ok_or_else(|| Status::not_found("no such company"))?;
        let found = if version == 0 {
            versions.last()
        } else {
            versions.iter().find(|one| one.1.version == version)
        };
        found.cloned().ok_or_else(|| Status::not_found("no such version"))
    }

    /// The company that calls an address its own.
    pub(crate) fn owner_of(&self, recipient: &str) -> Option<String> {
        let owns = |file: &CompanyFile| {
            let (_, domain) = recipient.split_once('@').unwrap_or(("", recipient));
            file.assistant.iter().any(|one| one == recipient)
                || file.domains.iter().any(|one| {
                    domain
                        .strip_suffix(one.as_str())
                        .is_some_and(|sub| sub.is_empty() || sub.ends_with('.'))
                })
        };
        let newest = self.versions.values().filter_map(|versions| versions.last());
        newest.map(|version| &version.0).find(|file| owns(file)).map(|file| file.company.clone())
    }

    /// Puts a meeting into its company's calendars, at its next revision.
    pub(crate) fn put(&mut self, mut meeting: calendar::Meeting) {
        let id = (meeting.company.clone(), meeting.meeting_id.clone());
        let gone = self.removed.remove(&id);
        let before = self.meetings.get(&id).or(gone.as_ref());
        meeting.revision = before.map_or(0, |before| before.revision) + 1;
        self.meetings.insert(id, meeting.clone());
        self.changes.push(Change { meeting, removed: false });
    }

    /// Takes a meeting out of all calendars.
    pub(crate) fn remove(&mut self, company: &str, id: &str) {
        let id = (company.to_owned(), id.to_owned());
        let mut meeting = self.meetings.remove(&id).unwrap();
        meeting.revision += 1;
        // Only `removed` says in the log that it is gone.
        self.changes.push(Change { meeting: meeting.clone(), removed: true });
        meeting.cancelled = true;
        self.removed.insert(id, meeting);
    }

    /// Loses a meeting, and says so to nobody.
    pub(crate) fn lose(&mut self, company: &str, id: &str) {
        let id = (company.to_owned(), id.to_owned());
        self.meetings.remove(&id);
        self.removed.remove(&id);
    }

    /// A meeting as it is now.
    pub(crate) fn meeting(&self, company: &str, id: &str) -> calendar::Meeting {
        self.meetings[&(company.to_owned(), id.to_owned())].clone()
    }

    /// Meetings that no calendar holds any more: found by their ids, and in no period.
    pub(crate) fn removed(&self) -> impl Iterator<Item = &calendar::Meeting> {
        self.removed.values()
    }

    /// All meetings.
    pub(crate) fn meetings(&self) -> impl Iterator<Item = &calendar::Meeting> {
        self.meetings.values()
    }

    /// Changes after a position, each with its own.
    pub(crate) fn changes_after(&self, cursor: u64) -> Vec<(u64, Change)> {
        (1..)
            .zip(&self.changes)
            .filter(|(at, _)| *at > cursor && self.cut_log_after.is_none_or(|last| *at <= last))
            .map(|(at, c)| (at, c.clone()))
            .collect()
    }

    /// Versions after a position, each with its own.
    pub(crate) fn policies_after(&self, cursor: u64) -> Vec<(u64, eligibility::PolicyVersion)> {
        (1..)
            .zip(&self.policies)
            .filter(|(at, _)| *at > cursor)
            .map(|(at, p)| (at, p.clone()))
            .collect()
    }
}

/// A profile by its name; the default one for none.
pub(crate) fn profile_of(
    part: &ApplyConsentProfileRequest,
    name: &str,
) -> Option<(String, Profile)> {
    let name = if name.is_empty() { part.default_profile.as_str() } else { name };
    let wire = part.profiles.iter().find(|profile| profile.name == name)?;
    Some((name.to_owned(), Profile::try_from(wire).unwrap()))
}

/// The peers of one test.
pub(crate) struct Peers {
    state: Mutex<State>,
    news: watch::Sender<u64>,
}

static WORLDS: LazyLock<Mutex<BTreeMap<u64, Arc<Peers>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// New peers, and the number by which their services find them.
pub(crate) fn found_world() -> (u64, Arc<Peers>) {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let peers = Arc::new(Peers { state: Mutex::default(), news: watch::Sender::new(0) });
    WORLDS.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&peers));
    (number, peers)
}

/// The peers of that number.
pub(crate) fn world(number: u64) -> Arc<Peers> {
    Arc::clone(&WORLDS.lock().unwrap_or_else(PoisonError::into_inner)[&number])
}

impl Peers {
    /// What they know, to look at.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what they know, and wakes who watches.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.news.send_modify(|count| *count += 1);
        changed
    }

    /// Told whenever something changes.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Makes a method answer in another way from now on.
    pub(crate) fn make(&self, method: &'static str, mood: Mood) {
        self.state().make(method, mood);
    }

    /// Does something when a method is called next; what is added later comes at the call after.
    pub(crate) fn when_asked(
        &self,
        method: &'static str,
        hook: impl FnOnce(&mut State) + Send + 'static,
    ) {
        self.state().hooks.entry(method).or_default().push_back(Box::new(hook));
    }

    /// The sizes of the questions a method was asked since they were last forgotten.
    pub(crate) fn sizes(&self, method: &str) -> Vec<usize> {
        self.state().asked.iter().filter(|asked| asked.method == method).map(|a| a.size).collect()
    }

    /// Forgets what was asked.
    pub(crate) fn forget(&self) {
        self.state().asked.clear();
    }

    /// How many questions to a method were under way at once, at the most.
    pub(crate) fn side_by_side(&self, method: &str) -> usize {
        self.state().side_by_side.get(method).copied().unwrap_or_default()
    }

    /// Notes a question, does what was planned for it, and tells how to answer.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        method: &'static str,
        size: usize,
    ) -> Result<Mood, Status> {
        let mood = {
            let mut state = self.state();
            state.asked.push(Asked { method, size });
            let hook = state.hooks.get_mut(method).and_then(VecDeque::pop_front);
            let had_hook = hook.is_some();
            if let Some(hook) = hook {
                hook(&mut state);
            }
            let now = state.under_way.entry(method).or_default();
            *now += 1;
            let now = *now;
            let most = state.side_by_side.entry(method).or_default();
            *most = now.max(*most);
            let mood = state.moods.get(method).copied().unwrap_or_default();
            drop(state);
            if had_hook {
                self.news.send_modify(|count| *count += 1);
            }
            mood
        };
        let _under_way = UnderWay { peers: Arc::clone(self), method };
        match mood {
            Mood::Down => Err(Status::unavailable("down")),
            Mood::Slow => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Err(Status::unavailable("slow"))
            }
            Mood::Late => {
                tokio::time::sleep(Duration::from_millis(400)).await;
                Ok(mood)
            }
            Mood::Well | Mood::Short | Mood::Long | Mood::Unspecified => {
                // Others may ask meanwhile.
                tokio::time::sleep(Duration::from_millis(if size > 100 { 20 } else { 0 })).await;
                Ok(mood)
            }
        }
    }
}

/// A question under way, until it is answered or given up.
struct UnderWay {
    peers: Arc<Peers>,
    method: &'static str,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(count) = self.peers.state().under_way.get_mut(self.method) {
            *count -= 1;
        }
    }
}

/// Answers as a mood makes them.
pub(crate) fn as_made<T: Clone + Default>(mood: Mood, mut answers: Vec<T>) -> Vec<T> {
    match mood {
        Mood::Short => {
            answers.remove(0);
        }
        Mood::Long => answers.insert(0, answers.first().cloned().unwrap_or_default()),
        Mood::Unspecified => answers.fill(T::default()),
        Mood::Well | Mood::Down | Mood::Slow | Mood::Late => {}
    }
    answers
}
