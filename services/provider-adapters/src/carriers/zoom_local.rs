//! What is to be known before a bot goes into a meeting of Zoom to record it locally.
//!
//! Since March 2026 a bot joins a meeting of another account only in the name of a user: with a token that stands for the
//! user (ZAK), or on behalf of one who is in the meeting as well (OBF). In meetings of the company's own account a token
//! lets it record without asking. Whether such tokens can be had is found out here and told to the runtime; the tokens
//! themselves live minutes, and are fetched when the bot joins.

use std::collections::BTreeMap;
use std::time::Duration;

use decision::session::Signal;
use remote::Error;
use remote::zoom::UserToken;
use remote::zoom::preconditions::{Obstacle, Possibility};

use super::members::address;
use super::zoom::{Account, number};
use crate::carry::{Job, Name, Told, Trouble};
use crate::facts::Known;

/// How often Zoom is asked before a bot goes without: what cannot be learnt keeps no bot at home.
const ASKED: u32 = 2;
/// How long a token is asked for that nobody uses.
const MOMENT: Duration = Duration::from_secs(60);

/// What comes of it.
#[derive(Debug)]
pub(super) enum Preflight {
    /// A bot goes, and is told this. The provider calls the conference so.
    Go(BTreeMap<String, String>, Vec<Name>),
    /// It would be of no use.
    Stay(Told),
}

/// Looks before a bot goes, in all accounts of the company.
pub(super) async fn preflight(
    accounts: &[&Account],
    known: Option<&Known>,
    job: &Job,
) -> Result<Preflight, Trouble> {
    let (Some(first), Some(number)) = (accounts.first(), number(job.order.conference.as_ref()))
    else {
        return Ok(go("unchecked", None));
    };
    match look(accounts, known, number, job).await {
        Ok(preflight) => Ok(preflight),
        Err(error) if error.is_transient() && job.tries < ASKED => {
            Err(first.line.trouble(&error, Signal::ConnectionFailed))
        }
        Err(_) => Ok(go("unchecked", None)),
    }
}

fn go(identity: &str, grants: Option<bool>) -> Preflight {
    let mut evidence = BTreeMap::from([("zoom_identity".to_owned(), identity.to_owned())]);
    if let Some(grants) = grants {
        let grants = if grants { "join_token" } else { "host" };
        evidence.insert("zoom_permission".to_owned(), grants.to_owned());
    }
    Preflight::Go(evidence, Vec::new())
}

/// The account a meeting is of, and who hosts it; none where it is of none of them.
async fn home<'a>(
    accounts: &[&'a Account],
    number: &str,
    job: &Job,
) -> Result<Option<(&'a Account, Option<String>)>, Error> {
    let mut unknown = None;
    for account in accounts.iter().copied() {
        let meeting = account.client.meeting(number).await;
        match account.line.hear(meeting, job.now).await {
            Ok(meeting) => return Ok(Some((account, meeting.host))),
            Err(Error::NotFound { .. }) => {}
            // It may be of another account all the same.
            Err(error) => unknown = Some(error),
        }
    }
    unknown.map_or(Ok(None), Err)
}

async fn look(
    accounts: &[&Account],
    known: Option<&Known>,
    number: &str,
    job: &Job,
) -> Result<Preflight, Error> {
    let Some((account, owner)) = home(accounts, number, job).await? else {
        return outside(accounts, known, number, job).await;
    };
    let seen = account.look(number, owner.as_deref(), job.now).await?;
    if let Possibility::Impossible(obstacle) = seen.assess(number).local {
        let signal = if obstacle == Obstacle::HostInactive {
            Signal::HostInactive
        } else if obstacle == Obstacle::EndToEndEncrypted {
            Signal::SettingsPrevent
        } else {
            Signal::LocalRecordingOff
        };
        let raw = account.line.says(obstacle.as_str(), "");
        return Ok(Preflight::Stay(Told::that(job.says(signal).because(raw))));
    }
    let token = account.client.join_token(number, true).await;
    let grants = can_be_had(account.line.hear(token, job.now).await)?;
    Ok(go("own_account", Some(grants)))
}

/// A meeting that none of the company's accounts knows is another's.
async fn outside(
    accounts: &[&Account],
    known: Option<&Known>,
    number: &str,
    job: &Job,
) -> Result<Preflight, Error> {
    // Who will be there: the member whose call it is.
    let Some(user) = address(known, &job.order.owner) else { return Ok(go("none", None)) };
    for name in ["on_behalf", "user"] {
        for account in accounts {
            let kind = match name {
                "on_behalf" => UserToken::OnBehalf { meeting: number },
                _ => UserToken::Identity,
            };
            let token = account.client.user_token(&user, kind, MOMENT).await;
            if can_be_had(account.line.hear(token, job.now).await)? {
                return Ok(go(name, None));
            }
        }
    }
    Ok(go("none", None))
}

fn can_be_had<T>(token: Result<T, Error>) -> Result<bool, Error> {
    match token {
        Ok(_) => Ok(true),
        Err(error) if error.is_transient() => Err(error),
        Err(_) => Ok(false),
    }
}
