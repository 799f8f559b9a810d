//! A kept webhook to the events in it.

use signals::read::Error;
use signals::{
    Event, Provider, aircall, attendee, dialer, graph, meet, recall, ringcentral, telnyx, twilio,
    vonage, webex, zoom,
};

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
            return read.map(|notification| notification?.event(content)).collect();
        }
        Provider::RingCentral => return ringcentral::read(body),
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
    Ok(vec![one?])
}
