//! Changes that could not be worked on: told, and worked on again.

use feed::{Buried, Feed};
use proto::orchestrator::v1 as wire;
use proto::{Invalid, time};

use crate::error::Error;

/// Letters on a page, unless it is said otherwise.
const SIZE: u32 = 100;

/// Letters on a page, or named in a request, at the most.
const MOST: usize = 1_000;

/// A page of dead letters, oldest first.
///
/// # Errors
/// A token of no earlier answer; the feed does not answer.
pub(crate) async fn list(
    feed: &dyn Feed,
    request: wire::ListDeadLettersRequest,
) -> Result<wire::ListDeadLettersResponse, Error> {
    let size = if request.page_size == 0 { SIZE } else { request.page_size };
    let size = usize::try_from(size).unwrap_or(MOST).min(MOST);
    let after = Some(request.page_token.as_str()).filter(|token| !token.is_empty());
    // One more than wanted tells whether there is another page.
    let mut letters =
        feed.buried(after, size + 1).await.map_err(|error| of_feed("page_token", error))?;
    let is_last = letters.len() <= size;
    letters.truncate(size);
    let next = letters.last().filter(|_| !is_last).map(|letter| letter.id.clone());
    Ok(wire::ListDeadLettersResponse {
        letters: letters.into_iter().map(letter).collect(),
        next_page_token: next.unwrap_or_default(),
    })
}

/// Has dead letters worked on again; all when none is named.
///
/// # Errors
/// Too many ids, or one that cannot be one; the feed does not answer.
pub(crate) async fn replay(
    feed: &dyn Feed,
    request: wire::ReplayDeadLettersRequest,
) -> Result<wire::ReplayDeadLettersResponse, Error> {
    Invalid::limit("ids", request.ids.len(), MOST)?;
    let replayed = feed.replay(&request.ids).await.map_err(|error| of_feed("ids", error))?;
    Ok(wire::ReplayDeadLettersResponse { replayed })
}

fn letter(buried: Buried) -> wire::DeadLetter {
    wire::DeadLetter {
        id: buried.id,
        topic: buried.notice.topic,
        company: buried.notice.company,
        subject: buried.notice.subject,
        revision: buried.notice.revision,
        attempts: buried.attempts,
        reason: buried.why,
        buried_at: Some(time::to_wire(buried.at)),
    }
}

/// What a feed says of ids in a field of a request.
fn of_feed(field: &'static str, error: feed::Error) -> Error {
    match error {
        feed::Error::UnknownId(id) => {
            Invalid::Text { field, problem: format!("`{id}` names no dead letter") }.into()
        }
        feed::Error::Full
        | feed::Error::Unavailable(_)
        | feed::Error::Settings(_)
        | feed::Error::Failed(_) => Error::Feed(Box::new(error)),
    }
}
