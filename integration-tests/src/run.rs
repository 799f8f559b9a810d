//! A scenario, carried out in a world.

use chrono::{DateTime, TimeDelta, Utc};
use decision::CompanyFile;
use serde_json::Value;

use crate::expectation::differences;
use crate::scenario::{self, Calendar, Key, Scenario, Step};
use crate::told::Told;
use crate::world::{Payload, Period, World};

/// What came of a scenario in one world.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What each `expect` was told, in order.
    pub told: Vec<Vec<Told>>,
    /// What was not as expected.
    pub wrong: Vec<String>,
}

/// Carries a scenario out, to its end even if something is not as expected.
///
/// # Errors
/// Something could not be carried out at all.
pub async fn run(scenario: &Scenario, world: &mut dyn World) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let mut now = scenario.now;
    world.set_clock(now);
    let mut document = scenario::base()?;
    scenario::patch(&mut document, &scenario.company);
    let mut company = company_of(&document)?;
    world.apply(&company).await?;
    for other in &scenario.others {
        world.apply(other).await?;
    }
    for calendar in &scenario.calendars {
        world.ingest(&company, payload(calendar, now)).await?;
    }
    let mut deleted: Vec<Key> = Vec::new();
    for (number, step) in (1..).zip(&scenario.steps) {
        let mut heard = |what: &str, expected: bool, got: bool| {
            if expected != got {
                report.wrong.push(format!("step {number}: {what}: accepted {expected}, got {got}"));
            }
        };
        match step {
            Step::Apply(change) => {
                scenario::patch(&mut document, change);
                company = company_of(&document)?;
                world.apply(&company).await?;
            }
            Step::Ingest(calendar) => world.ingest(&company, payload(calendar, now)).await?,
            Step::Request(request) => {
                let got = world.request(&company.company, &request.call, &request.by).await?;
                heard("request", request.accepted, got);
            }
            Step::Cancel(request) => {
                let got = world.cancel(&company.company, &request.call, &request.by).await?;
                heard("cancel", request.accepted, got);
            }
            Step::Delete(key) => deleted.push(key.clone()),
            Step::Choice(choice) => world.choose(&company.company, choice).await?,
            Step::ConferenceFacts(facts) => world.conference_facts(&company.company, facts).await?,
            Step::Advance(span) => {
                let from = now;
                now += span.0;
                world.advance(&company.company, from, now).await?;
                world.set_clock(now);
            }
            Step::Dial(dial) => world.dial(&company.company, dial).await?,
            Step::Import(import) => {
                let got = world.import(&company.company, import).await?;
                heard("import", import.accepted, got);
            }
            Step::Script(script) => world.script(&company.company, script).await?,
            Step::Stop(request) => {
                let got = world.stop(&company.company, &request.call, &request.by).await?;
                heard("stop", request.accepted, got);
            }
            Step::DeleteRecording(request) => {
                let got = world.delete(&company.company, &request.call, &request.by).await?;
                heard("delete", request.accepted, got);
            }
            Step::Outcome(expected) => {
                let mut told = Vec::with_capacity(expected.len());
                for one in expected {
                    let key = Key {
                        uid: one.uid.clone().unwrap_or_default(),
                        recurrence_id: one.recurrence_id,
                    };
                    told.push(world.outcome(&company.company, &key).await?);
                }
                let wrong = differences(expected, &told).into_iter();
                report.wrong.extend(wrong.map(|wrong| format!("step {number}: {wrong}")));
                report.told.push(told);
            }
            Step::Away(leaves) => {
                for leaf in leaves {
                    world.set_away(*leaf, true).await?;
                }
            }
            Step::Back(leaves) => {
                for leaf in leaves {
                    world.set_away(*leaf, false).await?;
                }
            }
            Step::Expect(expected) => {
                let period = Period { now, to: now + scenario.window.0 };
                let mut told = if deleted.is_empty() {
                    world.decide(&company.company, period).await?
                } else {
                    world.decide_ad_hoc(&company.company, period, &deleted).await?
                };
                told.sort_by(|a, b| (a.start, &a.key).cmp(&(b.start, &b.key)));
                let wrong = differences(expected, &told).into_iter();
                report.wrong.extend(wrong.map(|wrong| format!("step {number}: {wrong}")));
                report.told.push(told);
            }
        }
    }
    Ok(report)
}

fn company_of(document: &Value) -> anyhow::Result<CompanyFile> {
    let file: CompanyFile = serde_json::from_value(document.clone())?;
    file.validate().map_err(|found| anyhow::anyhow!("the company file is wrong: {found:?}"))?;
    Ok(file)
}

/// Occurrences are laid out from a day before what the clock shows, for sixty days after it.
fn payload(calendar: &Calendar, now: DateTime<Utc>) -> Payload {
    Payload {
        source: calendar.source.clone(),
        format: calendar.format,
        text: calendar.text.clone(),
        received: calendar.received.unwrap_or(now),
        recipient: calendar.recipient.clone(),
        from: now - TimeDelta::days(1),
        to: now + TimeDelta::days(60),
    }
}
