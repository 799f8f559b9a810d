//! Any bytes as an answer of a provider's API: what is looked for in it is found or not, never a panic.
#![no_main]

use remote::{Look, aircall, graph, object, ringcentral, telnyx, twilio, webex, zoom};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = object(bytes) else { return };
    let _ = (value.time(&["start_time"]), value.int(&["id"]), value.flag(&["enabled"]));
    let _ = (zoom::Meeting::read(&value), zoom::User::read(&value), zoom::File::read(&value));
    let _ = (zoom::Recordings::read(&value), zoom::PhoneRecording::read(&value));
    let _ = (zoom::UserSettings::read(&value), zoom::Locks::read(&value));
    let _ = (graph::Meeting::read(&value), graph::MeetingRecording::read(&value));
    let _ = (graph::CallRecord::read(&value), graph::Subscription::read(&value));
    let _ = (graph::User::read(&value), webex::Participant::read(&value));
    let _ = (webex::Meeting::read(&value), webex::Recording::read(&value));
    let _ = (webex::Webhook::read(&value), twilio::Dialing::read(&value));
    let _ = (twilio::PhoneCall::read(&value), twilio::Recording::read(&value));
    let _ = (telnyx::Recording::read(&value), aircall::PhoneCall::read(&value));
    let _ = ringcentral::Recording::read(&value);
});
