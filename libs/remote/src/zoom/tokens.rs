//! Tokens with which a bot joins. They live minutes: fetched when they are needed, never kept.

use std::borrow::Cow;
use std::time::Duration;

use secrecy::SecretString;

use super::Client;
use crate::{Call, Error, Look};

/// How long a user's token can live at most.
const LONGEST: Duration = Duration::from_secs(7200);

/// Lets a bot record to computer files without asking.
#[derive(Debug, Clone)]
pub struct JoinToken {
    /// The token.
    pub token: SecretString,
    /// How long it lives: 120 s.
    pub lifetime: Duration,
}

/// What a user's token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserToken<'a> {
    /// Joins as the user (ZAK).
    Identity,
    /// Joins a meeting of another account on behalf of the user (OBF), who has to be in it: when the user leaves, so does
    /// the bot.
    OnBehalf {
        /// The number of the meeting.
        meeting: &'a str,
    },
}

impl Client {
    /// A token with which a bot may record to computer files without asking; it exists only for meetings of the account.
    /// Light.
    ///
    /// # Errors
    /// [`Error::NotFound`] with 3001; [`Error::Forbidden`] where the account does not permit it; any other.
    pub async fn join_token(
        &self,
        meeting: &str,
        bypass_waiting_room: bool,
    ) -> Result<JoinToken, Error> {
        let call = Call::get(["meetings", meeting, "jointoken", "local_recording"])
            .query("bypass_waiting_room", Cow::from(bypass_waiting_room.to_string()));
        let value = self.api.json(&call).await?;
        let token = value.secret(&["token"]).ok_or(Error::Unreadable("it holds no token"))?;
        let seconds = value.int(&["expire_in"]).and_then(|seconds| u64::try_from(seconds).ok());
        Ok(JoinToken { token, lifetime: Duration::from_secs(seconds.unwrap_or(120)) })
    }

    /// A token that stands for a user; `me` is whom the application acts for. It lives at most two hours. Light.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn user_token(
        &self,
        user: &str,
        kind: UserToken<'_>,
        lifetime: Duration,
    ) -> Result<SecretString, Error> {
        let (name, meeting) = match kind {
            UserToken::Identity => ("zak", None),
            UserToken::OnBehalf { meeting } => ("onbehalf", Some(meeting)),
        };
        let call = Call::get(["users", user, "token"])
            .query("type", Cow::from(name))
            .query("ttl", Cow::from(lifetime.min(LONGEST).as_secs().to_string()))
            .query("meeting_id", meeting.map(Cow::from));
        let value = self.api.json(&call).await?;
        value.secret(&["token"]).ok_or(Error::Unreadable("it holds no token"))
    }
}
