//! A kept webhook to the events in it.

use signals::read::Error;
use signals::{
    Event, Provider, aircall, attendee, dialer, graph, meet, recall, ringcentral, telnyx, twilio,
    vonage, webex, zoom,
};

/// Bytes of an id, at most: of a longer one no index could be made.
const LONGEST_ID: usize = 500;
/// Bytes of a link to a conference, where that is its id.
const LONGEST_LINK: usize = 8192;
/// Bytes of a mail address, at most.
const LONGEST_ADDRESS: usize = 400;

/// Reads a webhook. `content` is what was encrypted in it.
///
/// # Errors
/// It cannot be read.
pub(crate) fn events(
    provider: Provider,
    body: &[u8],
    content: Option<&[u8]>,
) -> Result<Vec<Event>, Error> {
    let one = match provider {
        Provider::Teams => {
            let batch = graph::Batch::read(body)?;
            let read = batch.notifications.into_iter();
            return read.map(|notification| Ok(tame(notification?.event(content)?))).collect();
        }
        Provider::RingCentral => {
            return Ok(ringcentral::read(body)?.into_iter().map(tame).collect());
        }
        Provider::Zoom | Provider::ZoomPhone => zoom::read(body),
        Provider::Webex => webex::read(body),
        Provider::GoogleMeet => meet::read(body),
        Provider::Twilio => twilio::read(body),
        Provider::Aircall => aircall::read(body),
        Provider::Vonage => vonage::read(body),
        Provider::Telnyx => telnyx::read(body),
        Provider::Dialer => dialer::read(body),
        Provider::Recall => recall::read(body),
        Provider::Attendee => attendee::read(body),
        Provider::Sip => Err(Error::Shape("a webhook")),
    };
    Ok(vec![tame(one?)])
}

/// Leaves out what is no id and no address: whoever may sign may still write what no database takes.
fn tame(mut event: Event) -> Event {
    fn plain(text: &str, longest: usize) -> bool {
        text.len() <= longest && !text.contains('\0')
    }
    let about = &mut event.about;
    about.conference.take_if(|id| !plain(id, LONGEST_LINK));
    about.link.take_if(|link| !plain(link.expose(), LONGEST_LINK));
    for id in [
        &mut about.instance,
        &mut about.call,
        &mut about.session,
        &mut about.leg,
        &mut about.bot,
        &mut about.reference,
        &mut about.host,
        &mut about.user,
        &mut about.operator,
        &mut about.subscription,
    ] {
        id.take_if(|id| !plain(id, LONGEST_ID));
    }
    about.user_email.take_if(|address| !plain(address.expose(), LONGEST_ADDRESS));
    for one in &mut event.participants {
        for id in [&mut one.id, &mut one.user, &mut one.tenant, &mut one.reference] {
            id.take_if(|id| !plain(id, LONGEST_ID));
        }
        one.email.take_if(|email| !plain(email.expose(), LONGEST_ADDRESS));
    }
    event
}
