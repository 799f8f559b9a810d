//! `callsheet dead-letters`: changes that could not be worked on.

use proto::Invalid;
use proto::orchestrator::v1::{ListDeadLettersRequest, ReplayDeadLettersRequest};
use proto::time;

use crate::args::DeadLetters;
use crate::error::Error;
use crate::output::Output;
use crate::output::json::{self, Replayed, instant};
use crate::output::table::{Room, Table, Tone};
use crate::{decided, house};

/// Letters asked for at once.
const PAGE: u32 = 500;

pub(crate) async fn run(arguments: &DeadLetters) -> Result<(), Error> {
    if arguments.replay_all || !arguments.replay.is_empty() {
        replay(arguments).await
    } else {
        list(arguments).await
    }
}

async fn replay(arguments: &DeadLetters) -> Result<(), Error> {
    // None named means all, so an empty id must not become one.
    if arguments.replay.iter().any(|id| id.trim().is_empty()) {
        return Err(Error::Usage("an id given to `--replay` is empty".to_owned()));
    }
    let link = house::server(&arguments.server.server)?;
    let answer = decided::client(link)
        .replay_dead_letters(ReplayDeadLettersRequest { ids: arguments.replay.clone() })
        .await
        .map_err(Error::refused("try them again"))?
        .into_inner();
    let replayed = answer.replayed;
    let mut output = Output::new(arguments.printed);
    if output.is_json() {
        output.json(&Replayed { replayed })?;
    } else {
        output.line(&match replayed {
            0 => "nothing to try again".to_owned(),
            1 => "1 change is tried again".to_owned(),
            more => format!("{more} changes are tried again"),
        })?;
    }
    output.flush()
}

async fn list(arguments: &DeadLetters) -> Result<(), Error> {
    let mut client = decided::client(house::server(&arguments.server.server)?);
    let mut output = Output::new(arguments.printed);
    let mut pages = output.pages(table());
    let mut page_token = String::new();
    let mut is_empty = true;
    loop {
        let request = ListDeadLettersRequest { page_size: PAGE, page_token };
        let answer = client
            .list_dead_letters(request)
            .await
            .map_err(Error::refused("list dead letters"))?
            .into_inner();
        for letter in answer.letters {
            is_empty = false;
            let letter = read(letter)?;
            if output.is_json() {
                output.json(&letter)?;
            } else {
                let page = pages.row(row(letter));
                output.page(page)?;
            }
        }
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    output.page(pages.rest())?;
    if !output.is_json() {
        output.line(if is_empty {
            "No change was put aside."
        } else {
            "\n`callsheet dead-letters --replay ID` or `--replay-all` has them tried again."
        })?;
    }
    output.flush()
}

fn read(letter: proto::orchestrator::v1::DeadLetter) -> Result<json::DeadLetter, Invalid> {
    Ok(json::DeadLetter {
        id: letter.id,
        topic: letter.topic,
        company: letter.company,
        subject: letter.subject,
        revision: letter.revision,
        attempts: letter.attempts,
        reason: letter.reason,
        buried_at: time::optional("buried_at", letter.buried_at.as_ref())?.map(instant),
    })
}

fn table() -> Table {
    let (id, at) = (("Id", Room::Whole), ("Put aside", Room::Whole));
    Table::new(&[id, at, ("What", Room::Rest), ("Why", Room::Rest)], 6)
}

fn row(letter: json::DeadLetter) -> [(String, Tone); 4] {
    let json::DeadLetter { id, topic, company, subject, revision, attempts, reason, .. } = letter;
    let at = letter.buried_at.unwrap_or_default();
    // To the second.
    let at = at.split('.').next().unwrap_or_default().trim_end_matches('Z').replace('T', " ");
    let tries = if attempts == 1 { "try" } else { "tries" };
    [
        (id, Tone::Plain),
        (at, Tone::Quiet),
        (format!("{company}, {topic}: {subject} at revision {revision}"), Tone::Plain),
        (format!("{reason} ({attempts} {tries})"), Tone::Bad),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_fit_in_a_table() {
        let mut letters = table();
        letters.row(row(json::DeadLetter {
            id: "1774-0".to_owned(),
            topic: "meetings".to_owned(),
            company: "acme".to_owned(),
            subject: "0f33199e-7ad2-4bb6-9b19-1c1d3e1f0a5b".to_owned(),
            revision: 4,
            attempts: 1_000,
            reason: "the meeting cannot be read, and that will not change by itself".to_owned(),
            buried_at: Some("2026-03-02T07:00:00.123Z".to_owned()),
        }));
        for width in [80, 120] {
            let text = letters.draw(width, false);
            assert!(text.contains("2026-03-02 07:00:00") && text.contains("1774-0"), "{text}");
            assert!(
                text.contains("revision") && text.contains("(1000") && !text.contains('…'),
                "{text}"
            );
            assert!(text.lines().all(|line| line.chars().count() <= usize::from(width)), "{text}");
        }
    }
}
