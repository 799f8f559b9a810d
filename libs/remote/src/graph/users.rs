//! Users, as far as one has to know whose account something is.

use std::borrow::Cow;

use serde_json::Value;

use super::Client;
use crate::{Call, Error, Look, Private};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Graph's id.
    pub id: String,
    /// The mail address.
    pub email: Option<Private>,
    /// The name the user signs in with, which mostly is a mail address too.
    pub sign_in: Option<Private>,
}

impl User {
    /// Reads a user; none without an id.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: value.id(&["id"])?,
            email: value.private(&["mail"]),
            sign_in: value.private(&["userPrincipalName"]),
        })
    }
}

impl Client {
    /// A user by id or by the name it signs in with.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none, or none any more; any other.
    pub async fn user(&self, user: &str) -> Result<User, Error> {
        let fields = Cow::from("id,mail,userPrincipalName");
        let value = self.api.json(&Call::get(["users", user]).query("$select", fields)).await?;
        User::read(&value).ok_or(Error::Unreadable("a user without id"))
    }
}
