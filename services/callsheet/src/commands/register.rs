//! `callsheet dial`, `callsheet import`: what no calendar knows, registered with a server.

use std::path::Path;

use proto::orchestrator::v1::{ImportRecordingRequest, RegisterDialerCallRequest};
use proto::provider::v1 as provider;
use proto::time::to_wire;
use sha2::{Digest as _, Sha256};

use super::act::print;
use crate::args::{Dial, Direction, Import};
use crate::error::Error;
use crate::{decided, house, input};

/// Bytes of a link that is read from standard input, at most.
const LINK: u64 = 8_192;

pub(crate) async fn dial(arguments: &Dial) -> Result<(), Error> {
    let direction = match arguments.direction {
        Direction::Inbound => provider::Direction::Inbound,
        Direction::Outbound => provider::Direction::Outbound,
    };
    let call = provider::PhoneCall {
        company: arguments.company.clone(),
        connection: arguments.connection.clone(),
        external_id: arguments.id.clone(),
        direction: direction.into(),
        own_number: arguments.own.clone(),
        other_number: arguments.other.clone(),
        user: arguments.user.clone(),
        placed_at: Some(to_wire(house::at(arguments.placed_at))),
        participants: arguments.participants.clone(),
    };
    let request =
        RegisterDialerCallRequest { company: arguments.company.clone(), call: Some(call) };
    let mut client = decided::client(house::server(&arguments.server.server)?);
    let refused = Error::refused(format!("register the telephone call `{}`", arguments.id));
    let answer = client.register_dialer_call(request).await.map_err(refused)?.into_inner();
    print(&arguments.server, &arguments.company, arguments.printed, answer.decision).await
}

pub(crate) async fn import(arguments: &Import) -> Result<(), Error> {
    let url = link(&arguments.url)?;
    let key = arguments.key.clone().unwrap_or_else(|| key(&url));
    let request = ImportRecordingRequest {
        company: arguments.company.clone(),
        upload: Some(provider::Upload {
            url,
            sha256: arguments.sha256.clone().unwrap_or_default(),
        }),
        idempotency_key: key,
        owner: arguments.owner.clone(),
        title: arguments.title.clone(),
        recorded_at: arguments.recorded_at.map(to_wire),
        participants: arguments.participants.clone(),
    };
    let mut client = decided::client(house::server(&arguments.server.server)?);
    let refused = Error::refused("import the recording");
    let answer = client.import_recording(request).await.map_err(refused)?.into_inner();
    print(&arguments.server, &arguments.company, arguments.printed, answer.decision).await
}

/// The link, typed or from standard input. It is never repeated: it may hold a token.
fn link(given: &str) -> Result<String, Error> {
    let link = if input::is_stdin(Path::new(given)) {
        input::read_text(Path::new(given), LINK)?.1.trim().to_owned()
    } else {
        given.to_owned()
    };
    let has_scheme = ["https://", "http://"].iter().any(|scheme| {
        link.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    if !has_scheme || link.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let problem = "`URL` is no link to fetch from: give one like `https://files.acme.example/visit.mp4`, \
            or `-` to read it from standard input";
        return Err(Error::Usage(problem.to_owned()));
    }
    Ok(link)
}

/// A key that tells nothing of the link, and is the same for the same link.
fn key(link: &str) -> String {
    let digest = Sha256::digest(link.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_link_is_refused_and_not_repeated() {
        for wrong in ["file:///t0ken", "t0ken", "https://a b/t0ken", "", "é://t0ken"] {
            let refused = link(wrong).unwrap_err();
            assert!(matches!(refused, Error::Usage(_)), "{wrong}");
            assert!(!refused.to_string().contains("t0ken"), "{refused}");
        }
        assert_eq!(link("HTTPS://files.example/a").unwrap(), "HTTPS://files.example/a");
    }

    #[test]
    fn the_key_of_a_link_is_its_digest() {
        assert_eq!(key("https://a.example/t0ken"), key("https://a.example/t0ken"));
        assert_ne!(key("https://a.example/1"), key("https://a.example/2"));
        assert_eq!(key("").len(), 64);
    }
}
