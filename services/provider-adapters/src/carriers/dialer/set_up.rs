//! Telephone systems set up from connections.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use remote::{Base, Budget, Http, Quota, Tokens, Weight};
use secrecy::{ExposeSecret as _, SecretString};
use signals::Provider;

use super::{Aircall, Desk, Open, RingCentral, System, Telnyx, Twilio, Vonage, ZoomPhone};
use crate::api::{flag, needed, set};
use crate::carriers::files::Origin;
use crate::carriers::line::Line;
use crate::carriers::zoom::Account;
use crate::carriers::{Ground, PATIENCE, PER_MINUTE, base};
use crate::connections::Connection;

/// What Aircall answers in a minute.
const OF_AIRCALL: NonZeroU32 = NonZeroU32::new(60).expect("not zero");

fn budget(per_minute: NonZeroU32) -> Budget {
    let quota = Quota::within(per_minute, Duration::from_secs(60));
    Budget::new(&[(Weight::Light, quota)], PATIENCE)
}

fn address(one: &Connection, public: Result<Base, remote::InvalidBase>) -> anyhow::Result<Base> {
    match &one.base_url {
        Some(url) => base("base_url", url),
        None => Ok(public?),
    }
}

/// The telephones of an account of Zoom.
pub(in crate::carriers) fn of_zoom(
    one: &Connection,
    account: &Arc<Account>,
    ground: &Ground,
) -> Desk {
    Desk {
        line: Line::new(&one.name, &one.company, "zoom_phone", ground.journal.clone()),
        system: Box::new(ZoomPhone { account: Arc::clone(account) }),
        files: account.files.clone(),
        starts: false,
        discards: false,
    }
}

/// A telephone system; none where the provider is no such system.
///
/// # Errors
/// Settings that cannot be used, and why; never a secret.
pub(in crate::carriers) fn desk(
    one: &Connection,
    http: &Http,
    ground: &Ground,
) -> anyhow::Result<Option<Desk>> {
    let system: Box<dyn System> = match one.provider {
        Provider::Twilio => Box::new(twilio(one, http, ground)?),
        Provider::RingCentral => Box::new(ringcentral(one, http)?),
        Provider::Aircall => {
            let at = address(one, remote::aircall::public())?;
            let (id, token) = (needed(one, "id")?, needed(one, "token")?);
            let id = id.expose_secret();
            let client = remote::aircall::Client::new(http, at, id, token, budget(OF_AIRCALL));
            Box::new(Aircall { client })
        }
        Provider::Vonage => Box::new(vonage(one, ground)?),
        Provider::Telnyx => {
            let at = address(one, remote::telnyx::public())?;
            let (key, budget) = (needed(one, "key")?, budget(PER_MINUTE));
            let client = remote::telnyx::Client::new(http, at, &one.name, key, budget);
            Box::new(Telnyx { client })
        }
        Provider::Dialer => Box::new(Open { header: header(one)? }),
        Provider::Zoom
        | Provider::ZoomPhone
        | Provider::Teams
        | Provider::Webex
        | Provider::GoogleMeet
        | Provider::Sip
        | Provider::Recall
        | Provider::Attendee => return Ok(None),
    };
    let provider = one.provider.as_str();
    Ok(Some(Desk {
        line: Line::new(&one.name, &one.company, provider, ground.journal.clone()),
        system,
        files: Origin::hosts(ground.imports.hosts(provider)),
        starts: flag(one, "starts")?,
        discards: flag(one, "discard_copies")?,
    }))
}

fn twilio(one: &Connection, http: &Http, ground: &Ground) -> anyhow::Result<Twilio> {
    let settings = match &one.base_url {
        Some(url) => {
            let at = base("base_url", url)?;
            remote::twilio::Settings { api: at.clone(), voice: at }
        }
        None => remote::twilio::Settings::public()?,
    };
    let sid = needed(one, "account_sid")?.expose_secret().to_owned();
    let account = remote::twilio::Account {
        key: set(one, "key").unwrap_or(&sid).to_owned(),
        secret: needed(one, "secret")?.clone(),
        sid,
    };
    let outside = ground.public_url.trim_end_matches('/');
    let callback = (!outside.is_empty()).then(|| format!("{outside}/webhooks/{}", one.name));
    let client = remote::twilio::Client::new(http, &settings, &account, budget(PER_MINUTE));
    Ok(Twilio { client, callback })
}

fn ringcentral(one: &Connection, http: &Http) -> anyhow::Result<RingCentral> {
    use remote::ringcentral::{Client, JwtGrant, public, public_media};
    let at = address(one, public())?;
    let media = match (set(one, "media_url"), &one.base_url) {
        (Some(url), _) => base("api.media_url", url)?,
        (None, Some(_)) => at.clone(),
        (None, None) => public_media()?,
    };
    let (id, secret) = (needed(one, "client_id")?, needed(one, "client_secret")?);
    let (id, jwt) = (id.expose_secret(), needed(one, "jwt")?.clone());
    let grant = JwtGrant::new(http.clone(), at.clone(), id, secret, jwt);
    let tokens = Tokens::new(Arc::new(grant));
    let client = Client::new(http, at, &one.name, tokens, budget(PER_MINUTE)).with_media(media);
    Ok(RingCentral { client })
}

fn vonage(one: &Connection, ground: &Ground) -> anyhow::Result<Vonage> {
    use remote::vonage::{Client, SelfSigned, public};
    let at = address(one, public())?;
    let id = needed(one, "application_id")?.expose_secret();
    let clock = Arc::clone(&ground.clock);
    let mint = SelfSigned::new(id, needed(one, "private_key")?, Arc::new(move || clock.now()));
    let mint = mint.context("`api.private_key` is no private key in PEM")?;
    Ok(Vonage { client: Client::new(at, Tokens::new(Arc::new(mint))) })
}

/// What a system that speaks our own event API wants to see of whoever fetches a recording.
fn header(one: &Connection) -> anyhow::Result<Option<SecretString>> {
    let user = set(one, "user");
    Ok(match (set(one, "token"), user, flag(one, "open")?) {
        (Some(token), None, false) => Some(format!("Bearer {token}").into()),
        (None, Some(user), false) => {
            let remote::Credentials::Header(_, value) =
                remote::Credentials::basic(user, needed(one, "password")?)
            else {
                bail!("`api.user` and `api.password` make no header");
            };
            Some(value)
        }
        (None, None, true) => None,
        _ => {
            bail!("one of `api.token`, `api.user` with `api.password`, and `api.open` is to be set")
        }
    })
}
