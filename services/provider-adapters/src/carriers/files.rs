//! What a provider has of a recording, and how it is handed over to be imported: who sees which token, and when to wait.

use std::time::Duration;

use decision::session::Signal;
use media::{Authorization, Expected, HostRule, Hosts};
use remote::Download;
use secrecy::ExposeSecret as _;
use url::Url;

use super::line::Line;
use crate::attempts::Evidence;
use crate::carry::{Job, Trouble};
use crate::imports::{File, Located};

/// How long a provider is left alone that has not finished, or does not show what it told us of.
const WAIT: Duration = Duration::from_secs(60);
/// After so many tries that is taken which is there, although more was expected: some two hours.
const PATIENT: u32 = 30;

/// What a provider has of a recording now.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// What can be fetched.
    pub(super) takes: Vec<Take>,
    /// It works on something more.
    pub(super) unfinished: bool,
    /// Something of it will never be had: what is told where nothing else is there.
    pub(super) lost: Option<(Signal, Evidence)>,
}

/// A file that can be fetched.
#[derive(Debug)]
pub(super) struct Take {
    /// The provider's id of it.
    pub(super) id: String,
    /// Where it is, and what lets in.
    pub(super) download: Download,
    /// How large it is, where the provider says so.
    pub(super) bytes: Option<u64>,
}

impl Take {
    /// A file of unknown size.
    pub(super) fn new(id: impl Into<String>, download: Download) -> Self {
        Self { id: id.into(), download, bytes: None }
    }
}

/// Where files may come from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// The hosts that may be asked, also by redirects.
    hosts: Vec<HostRule>,
    /// All of them may see what lets in: those who serve the files are the provider's own, and want to see it.
    trusted: bool,
}

impl Origin {
    /// Hosts of which only the one in the link sees what lets in, for redirects lead to storages of others.
    pub(super) fn hosts(hosts: Vec<HostRule>) -> Self {
        Self { hosts, trusted: false }
    }

    /// The provider's own hosts.
    pub(super) fn own(hosts: Vec<HostRule>) -> Self {
        Self { hosts, trusted: true }
    }

    /// A file to import; none where the link is no URL.
    fn file(&self, take: Take) -> Option<File> {
        let url = Url::parse(take.download.url.expose()).ok()?;
        let shown_to = match url.host_str() {
            _ if self.trusted => self.hosts.clone(),
            Some(host) => vec![HostRule::Exact(host.trim_end_matches('.').to_owned())],
            None => Vec::new(),
        };
        let header = take.download.header.as_ref();
        let header = header.filter(|(name, _)| name.as_str() == "authorization");
        let authorization =
            header.map(|(_, value)| Authorization::verbatim(value.expose_secret(), shown_to));
        Some(File {
            name: take.id,
            url,
            hosts: Hosts::Only(self.hosts.clone()),
            authorization,
            expected: Expected { bytes: take.bytes, sha256: None },
        })
    }
}

impl Recorded {
    /// Something that will never be had.
    pub(super) fn lost(signal: Signal, why: Evidence) -> Self {
        Self { lost: Some((signal, why)), ..Self::default() }
    }

    /// With more of the same recording.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.takes.extend(other.takes);
        self.unfinished |= other.unfinished;
        self.lost = self.lost.or(other.lost);
        self
    }

    /// Where it is: what is there once all of it is, or once it was waited for long enough.
    ///
    /// # Errors
    /// It is not there yet. `then` is told when it never comes.
    pub(super) fn located(
        self,
        line: &Line,
        from: &Origin,
        job: &Job,
        then: Signal,
    ) -> Result<Located, Trouble> {
        let wait = |code: &str, text: &str| Trouble {
            raw: line.says(code, text),
            after: Some(WAIT),
            then,
        };
        if self.unfinished && (self.takes.is_empty() || job.tries < PATIENT) {
            return Err(wait("processing", "the provider has not finished with the recording"));
        }
        if !self.takes.is_empty() {
            let files: Vec<File> = self.takes.into_iter().filter_map(|it| from.file(it)).collect();
            if files.is_empty() {
                let why = line.says("no_url", "the link of the recording is no URL");
                return Ok(Located::Lost(then, why));
            }
            return Ok(Located::Files(files));
        }
        match self.lost {
            Some((signal, why)) => Ok(Located::Lost(signal, why)),
            None => Err(wait("not_there", "the provider does not show the recording")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(url: &str) -> Take {
        let mut download = Download::open(remote::Private::new(url));
        download.header = Some(("authorization".parse().unwrap(), "Bearer t".to_owned().into()));
        Take::new("r1", download)
    }

    fn shown(from: &Origin, link: &str) -> String {
        format!("{:?}", from.file(take(link)).unwrap().authorization)
    }

    #[test]
    fn a_token_is_for_the_host_of_the_link_unless_all_hosts_are_the_providers_own() {
        let rules: Vec<HostRule> = vec!["zoom.example".parse().unwrap()];
        let link = "https://api.zoom.example/r1";
        let strict = shown(&Origin::hosts(rules.clone()), link);
        assert!(strict.contains("Exact(\"api.zoom.example\")"), "{strict}");
        let own = shown(&Origin::own(rules), link);
        assert!(own.contains("Domain(\"zoom.example\")"), "{own}");
    }

    #[test]
    fn what_is_no_link_is_no_file() {
        assert!(Origin::hosts(Vec::new()).file(take("call me")).is_none());
    }
}
