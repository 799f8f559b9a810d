//! The settings of imports, checked and read.

use std::time::Duration;

use anyhow::Context as _;
use media::HostRule;
use media::fetch::Pace;
use media::store::Secret;

use crate::config::{Imports, RecordingStore};
use crate::connections;

impl Imports {
    /// Refuses what types let pass.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.parallel > 0, "`imports.parallel` must be at least 1");
        anyhow::ensure!(self.per_company > 0, "`imports.per_company` must be at least 1");
        anyhow::ensure!(!self.poll.is_zero(), "`imports.poll` must be longer than nothing");
        anyhow::ensure!(
            self.lease >= Duration::from_millis(500),
            "`imports.lease` must be at least `500ms`, or others begin what is still under way"
        );
        anyhow::ensure!(self.largest > 0, "`imports.largest` must be at least 1");
        for (provider, hosts) in &self.hosts {
            for host in hosts {
                host.parse::<HostRule>().with_context(|| format!("`imports.hosts.{provider}`"))?;
            }
        }
        Ok(())
    }

    /// The hosts of a provider, as they were checked.
    pub(super) fn hosts(&self, provider: &str) -> Vec<HostRule> {
        let listed = self.hosts.get(provider).into_iter().flatten();
        listed.filter_map(|host| host.parse().ok()).collect()
    }

    pub(super) fn pace(&self) -> Pace {
        Pace { idle: self.idle, deadline: self.deadline, ..Pace::default() }
    }
}

impl RecordingStore {
    /// What is to be opened; none where it is neither said nor to be told from the database.
    ///
    /// # Errors
    /// A secret that is not where it is said to be.
    pub(super) fn read(&self, database: &str) -> anyhow::Result<Option<media::store::Settings>> {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        let Some(url) = some(&self.url).or_else(|| beside(database)) else { return Ok(None) };
        let secret = some(&self.secret_access_key)
            .map(|reference| {
                connections::text(&reference).context("`imports.store.secret_access_key`")
            })
            .transpose()?;
        Ok(Some(media::store::Settings {
            url,
            endpoint: some(&self.endpoint),
            region: some(&self.region),
            access_key_id: some(&self.access_key_id),
            secret_access_key: secret.map(Secret::new),
            secret_access_key_file: None,
            plain_http: self.plain_http,
            virtual_hosted: self.virtual_hosted,
            conditional: self.conditional,
        }))
    }
}

/// The folder `recordings` beside a database in a file, memory beside one in memory. Nothing is beside a server: what
/// several replicas share they must all reach.
fn beside(database: &str) -> Option<String> {
    let file = database.strip_prefix("sqlite:")?;
    let file = file.strip_prefix("//").unwrap_or(file);
    let (file, query) = file.split_once('?').unwrap_or((file, ""));
    if file.is_empty() || file == ":memory:" || query.contains("mode=memory") {
        return Some("memory:".to_owned());
    }
    let folder = std::path::Path::new(file).with_file_name("recordings");
    Some(folder.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_lie_beside_the_database_unless_it_is_a_server() {
        let is = |database: &str| beside(database);
        assert_eq!(
            is("sqlite:///var/acme/callsheet.db?mode=rwc").as_deref(),
            Some("/var/acme/recordings")
        );
        assert_eq!(is("sqlite://callsheet.db?mode=rwc").as_deref(), Some("recordings"));
        assert_eq!(is("sqlite::memory:").as_deref(), Some("memory:"));
        assert_eq!(is("postgres://me@db.example/callsheet"), None);
    }
}
