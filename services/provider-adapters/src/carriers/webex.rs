//! What is to be known before a bot goes into a meeting of Webex, where the company's own organisation is connected: some
//! settings of a meeting keep every bot out, or leave it nothing to record.
//!
//! Nobody tries the door: each wrong password brings Webex nearer to a captcha that locks all bots out.

use std::sync::Arc;

use decision::session::Signal;
use remote::webex::{Client, Meeting};

use super::line::Line;
use super::zoom_local::Preflight;
use crate::carry::{Job, Told, Trouble};
use crate::inbox::called::names_of_webex;

/// How often Webex is asked before a bot goes without: what cannot be learnt keeps no bot at home.
const ASKED: u32 = 2;

/// A company's organisation.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(super) line: Arc<Line>,
    pub(super) client: Client,
}

/// Looks before a bot goes.
pub(super) async fn preflight(
    site: Option<&Site>,
    link: &str,
    signed_in: bool,
    job: &Job,
) -> Result<Preflight, Trouble> {
    let go_to = |known: &str, names| {
        Ok(Preflight::Go([("webex_meeting".to_owned(), known.to_owned())].into(), names))
    };
    let go = |known: &str| go_to(known, Vec::new());
    let Some(site) = site else { return go("unchecked") };
    let answer = site.client.meeting_by_link(link).await;
    let meeting = match site.line.hear(answer, job.now).await {
        Ok(Some(meeting)) => meeting,
        Ok(None) => return go("of_others"),
        Err(error) if error.is_transient() && job.tries < ASKED => {
            return Err(site.line.trouble(&error, Signal::ConnectionFailed));
        }
        Err(_) => return go("unchecked"),
    };
    match obstacle(&meeting, signed_in) {
        Some((signal, why)) => {
            let raw = site.line.says(why, "");
            Ok(Preflight::Stay(Told::that(job.says(signal).because(raw))))
        }
        // Its webhooks call it so.
        None => go_to("of_own", names_of_webex(&meeting)),
    }
}

/// What is known to stand in the way.
fn obstacle(meeting: &Meeting, signed_in: bool) -> Option<(Signal, &'static str)> {
    if matches!(meeting.audio.as_deref(), Some("other" | "none")) {
        return Some((Signal::NoAudio, "audio_connection_type"));
    }
    if meeting.list_shown == Some(false) {
        return Some((Signal::SettingsPrevent, "participant_list_off"));
    }
    if meeting.registration {
        return Some((Signal::NotAllowed, "registration"));
    }
    let is_shut = meeting.strangers.as_deref() == Some("blockFromJoin");
    (is_shut && !signed_in).then_some((Signal::SignedInOnly, "guests_blocked"))
}
