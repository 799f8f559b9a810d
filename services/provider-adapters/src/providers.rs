//! Every adapter there is, and those hosted here.

mod dialer;
mod google_meet;
mod teams;
mod webex;
mod zoom_local;
mod zoom_native;

use decision::provider::Adapter as Which;

use crate::adapter::Adapter;

/// Names of adapters that cannot be hosted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody knows it.
    #[error("`adapters` names `{0}`, which is no adapter; known are {known}", known = names(&Which::ALL.map(Which::as_str)))]
    Unknown(String),
    /// There is nothing to host.
    #[error("`adapters` is empty; known are {known}", known = names(&Which::ALL.map(Which::as_str)))]
    Empty,
}

/// Names in one line.
pub(crate) fn names(names: &[&str]) -> String {
    names.join(", ")
}

/// The adapter itself.
fn adapter(which: Which) -> &'static dyn Adapter {
    match which {
        Which::ZoomNative => &zoom_native::ZoomNative,
        Which::ZoomLocal => &zoom_local::ZoomLocal,
        Which::Teams => &teams::Teams,
        Which::Webex => &webex::Webex,
        Which::GoogleMeet => &google_meet::GoogleMeet,
        Which::Dialer => &dialer::Dialer,
    }
}

/// Adapters hosted in one process, in the order in which they are declared, each once.
#[derive(Debug, Clone)]
pub(crate) struct Hosted(Vec<&'static dyn Adapter>);

impl Hosted {
    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static dyn Adapter> {
        self.0.iter().copied()
    }

    /// One of them; none where it lives elsewhere.
    pub(crate) fn get(&self, which: Which) -> Option<&'static dyn Adapter> {
        self.all().find(|adapter| adapter.which() == which)
    }

    /// Their names.
    pub(crate) fn names(&self) -> String {
        names(&self.all().map(Adapter::name).collect::<Vec<_>>())
    }
}

/// The adapters of these names.
///
/// # Errors
/// A name nobody knows, or no name at all.
pub(crate) fn hosted(named: &[String]) -> Result<Hosted, Error> {
    for name in named {
        Which::from_name(name).ok_or_else(|| Error::Unknown(name.clone()))?;
    }
    let wanted = |which: &Which| named.iter().any(|name| name == which.as_str());
    let hosted: Vec<_> = Which::ALL.into_iter().filter(wanted).map(adapter).collect();
    if hosted.is_empty() { Err(Error::Empty) } else { Ok(Hosted(hosted)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_adapter_is_what_it_is_found_as() {
        for which in Which::ALL {
            assert_eq!(adapter(which).which(), which);
            assert!(!adapter(which).methods().is_empty());
        }
    }

    #[test]
    fn a_name_nobody_knows_is_refused_with_those_that_are_known() {
        let error = hosted(&["zoom".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("`zoom`") && error.contains("zoom-native, zoom-local"), "{error}");
        assert_eq!(hosted(&[]).unwrap_err(), Error::Empty);
    }

    #[test]
    fn an_adapter_named_twice_is_hosted_once() {
        let named = ["teams", "zoom-native", "teams"].map(str::to_owned);
        assert_eq!(hosted(&named).unwrap().names(), "zoom-native, teams");
    }
}
