//! Users, and who schedules for whom.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::client::paged;
use super::{Client, NextPage, Page};
use crate::{Call, Error, Look, Private, Weight};

/// Users of a list, per call: as many as Zoom gives.
const PAGE: u32 = 300;

/// Whether a user can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Yes.
    Active,
    /// Switched off by an administrator.
    Inactive,
    /// Invited, and has not accepted yet.
    Pending,
    /// A word that is new to us.
    Other(String),
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Zoom's id.
    pub id: String,
    /// The address.
    pub email: Option<Private>,
    /// 1 basic, 2 licensed, 3 on-premise (old), 4 without Meetings, 99 none.
    pub kind: Option<i64>,
    /// Whether the user can be used.
    pub status: Option<Status>,
    /// The number of the personal room.
    pub pmi: Option<String>,
    /// Meetings take place in the personal room.
    pub use_pmi: Option<bool>,
    /// The account.
    pub account: Option<String>,
    /// The groups, each with locks of its own.
    pub groups: Vec<String>,
    /// When the user last signed in.
    pub last_login: Option<DateTime<Utc>>,
}

impl User {
    /// Reads a user; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: value.id(&["id"])?,
            email: value.private(&["email"]),
            kind: value.int(&["type"]),
            status: value.id(&["status"]).map(|status| {
                match status.to_ascii_lowercase().as_str() {
                    "active" => Status::Active,
                    "inactive" => Status::Inactive,
                    "pending" => Status::Pending,
                    other => Status::Other(other.to_owned()),
                }
            }),
            pmi: value.id(&["pmi"]),
            use_pmi: value.flag(&["use_pmi"]),
            account: value.id(&["account_id"]),
            groups: value.ids(&["group_ids"]),
            last_login: value.time(&["last_login_time"]),
        })
    }

    /// Whether the user has a licence, and with it the cloud; none if nobody knows.
    #[must_use]
    pub fn licensed(&self) -> Option<bool> {
        match self.kind {
            Some(2) => Some(true),
            Some(1 | 3 | 4 | 99) => Some(false),
            _ => None,
        }
    }
}

/// Somebody who schedules for a user, or for whom the user schedules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Zoom's id.
    pub id: String,
    /// The address.
    pub email: Option<Private>,
}

impl Related {
    fn list(value: &Value, list: &str) -> Vec<Self> {
        let read =
            |one: &Value| Some(Self { id: one.id(&["id"])?, email: one.private(&["email"]) });
        value.items(&[list]).iter().filter_map(read).collect()
    }
}

impl Client {
    /// A user, by id or address. Light.
    ///
    /// # Errors
    /// [`Error::NotFound`] with 1001 or 1010; any other.
    pub async fn user(&self, user: &str) -> Result<User, Error> {
        let value = self.api.json(&Call::get(["users", user])).await?;
        User::read(&value).ok_or(Error::Unreadable("a user without id"))
    }

    /// All users of the account that are active. Medium.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn users(&self, next: Option<&NextPage>) -> Result<Page<User>, Error> {
        let call = Call::get(["users"]).weight(Weight::Medium);
        let value = self.api.json(&paged(call, PAGE, next)).await?;
        Ok(Page::read(&value, "users", User::read))
    }

    /// For whom a user may schedule. Medium.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn schedulers(&self, user: &str) -> Result<Vec<Related>, Error> {
        let call = Call::get(["users", user, "schedulers"]).weight(Weight::Medium);
        Ok(Related::list(&self.api.json(&call).await?, "schedulers"))
    }

    /// Who may schedule for a user. Medium.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn assistants(&self, user: &str) -> Result<Vec<Related>, Error> {
        let call = Call::get(["users", user, "assistants"]).weight(Weight::Medium);
        Ok(Related::list(&self.api.json(&call).await?, "assistants"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_one_kind_of_user_is_licensed() {
        let licensed =
            |kind: Value| User::read(&json!({"id": "u", "type": kind})).unwrap().licensed();
        assert_eq!(licensed(json!(2)), Some(true));
        assert_eq!(licensed(json!("2")), Some(true));
        for kind in [1, 3, 4, 99] {
            assert_eq!(licensed(json!(kind)), Some(false));
        }
        assert_eq!(licensed(json!(7)), None);
        assert_eq!(licensed(json!(null)), None);
    }

    #[test]
    fn a_user_without_id_is_none_and_an_address_is_not_shown() {
        assert_eq!(User::read(&json!({"email": "ada@acme.example"})), None);
        let user = User::read(&json!({"id": 7, "email": "ada@acme.example", "pmi": 3542471135_i64,
            "status": "Inactive", "group_ids": ["g", 1]}))
        .unwrap();
        assert_eq!((user.id.as_str(), user.pmi.as_deref()), ("7", Some("3542471135")));
        assert_eq!(user.status, Some(Status::Inactive));
        assert_eq!(user.groups, ["g", "1"]);
        assert!(!format!("{user:?}").contains("ada"));
    }
}
