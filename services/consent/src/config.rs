//! The settings of the consent service as types.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Deserialize;
use storage::StoreConfig;

/// What can be set; `config.default.toml` has the defaults.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// The private key that signs consent links; empty for the usual place of a user's data.
    pub key_file: PathBuf,
    /// How many policy versions of a company are kept, at least one.
    pub keep_versions: u32,
    /// Where policies and choices are kept.
    pub store: StoreConfig,
}

impl Config {
    /// Where the key file is; none where neither the settings nor the environment name a place.
    pub(crate) fn key_path(&self) -> Option<PathBuf> {
        if !self.key_file.as_os_str().is_empty() {
            return Some(self.key_file.clone());
        }
        usual_place(std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME"))
    }
}

/// The place of a user's data by the XDG base directory specification, which has relative paths ignored.
fn usual_place(data: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let data = data
        .and_then(absolute)
        .or_else(|| home.and_then(absolute).map(|home| home.join(".local/share")))?;
    Some(data.join("callsheet/consent-key.pem"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_lives_among_the_data_of_its_user() {
        let place = |data: Option<&str>, home: Option<&str>| {
            usual_place(data.map(Into::into), home.map(Into::into))
        };
        let at = |path: &str| Some(PathBuf::from(path));
        assert_eq!(place(Some("/data"), Some("/ada")), at("/data/callsheet/consent-key.pem"));
        let home = at("/ada/.local/share/callsheet/consent-key.pem");
        assert_eq!(place(None, Some("/ada")), home);
        assert_eq!(place(Some("relative"), Some("/ada")), home);
        assert_eq!(place(Some(""), None), None);
    }
}
