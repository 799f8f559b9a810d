//! Names are resolved here, and a connection is made to exactly the addresses that were judged.

use crate::rules::{AddressKind, Reach};
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// How a name becomes addresses.
pub type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync>;

/// As this system resolves names.
pub fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// A resolver that lets no name lead where [`Reach`] does not. A name is refused as a whole if one of its addresses is:
/// public and private ones under one name are how a check is got round.
#[derive(Clone)]
pub struct Guard {
    reach: Reach,
    lookup: Lookup,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("reach", &self.reach).finish_non_exhaustive()
    }
}

impl Guard {
    /// A guard over what a look-up finds.
    pub fn new(reach: Reach, lookup: Lookup) -> Self {
        Self { reach, lookup }
    }

    async fn resolved(
        self,
        name: String,
    ) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
        let found = (self.lookup)(name).await?;
        if let Some(kind) = found.iter().find_map(|ip| self.reach.forbids(*ip)) {
            return Err(Box::new(Forbidden(kind)));
        }
        Ok(Box::new(found.into_iter().map(|ip| (ip, 0).into())))
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(self.clone().resolved(name.as_str().to_owned()))
    }
}

/// An address was found that may not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to {0}")]
struct Forbidden(AddressKind);

/// The kind of address the guard refused, if that is why a request failed.
pub(super) fn refused(error: &reqwest::Error) -> Option<AddressKind> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(Forbidden(kind)) = error.downcast_ref() {
            return Some(*kind);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(ips: &'static [&'static str]) -> Lookup {
        Arc::new(move |_| {
            Box::pin(async move { Ok(ips.iter().map(|ip| ip.parse().unwrap()).collect()) })
        })
    }

    async fn resolved(ips: &'static [&'static str], reach: Reach) -> Option<usize> {
        let guard = Guard::new(reach, answers(ips));
        guard.resolved("x.example".to_owned()).await.ok().map(Iterator::count)
    }

    #[tokio::test]
    async fn one_private_address_refuses_the_name() {
        assert_eq!(resolved(&["8.8.8.8", "1.1.1.1"], Reach::default()).await, Some(2));
        assert_eq!(resolved(&["8.8.8.8", "10.0.0.1"], Reach::default()).await, None);
        assert_eq!(resolved(&["::ffff:8.8.8.8"], Reach::default()).await, None);
    }

    #[tokio::test]
    async fn the_machine_itself_needs_permission() {
        let reach = Reach { loopback: true, ..Reach::default() };
        assert_eq!(resolved(&["127.0.0.1"], Reach::default()).await, None);
        assert_eq!(resolved(&["127.0.0.1"], reach).await, Some(1));
    }
}
