//! Links to recordings that events speak of and nobody can be asked for again: kept with the import until it is over.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use signals::Private;
use storage::Tx;

use super::imports::{Stage, empty, import, insert};
use super::trace::Trace;

/// Links of one attempt, at most.
const LINKS: usize = 20;

/// A link to a recording, as an event spoke of it.
#[derive(Debug, Clone)]
pub(crate) struct Spoken {
    /// The attempt.
    pub(crate) trace: Trace,
    /// Who imports it.
    pub(crate) carrier: &'static str,
    /// The recording's id, without tabs and ends of lines.
    pub(crate) recording: String,
    /// Where it is, in one line.
    pub(crate) link: Private,
}

/// Notes where a recording is that an event spoke of, as nobody can be asked: a line for each, by its id, in place of an older
/// one. What is over or thrown away needs no link.
pub(super) async fn note_link(
    tx: &Tx,
    spoken: &Spoken,
    until: DateTime<Utc>,
) -> Result<(), storage::Error> {
    use import::Column as C;
    let attempt = &spoken.trace.id;
    let line = format!("{}\t{}", spoken.recording, spoken.link.expose());
    let row = import::ActiveModel {
        attempt: Set(attempt.clone()),
        company: Set(spoken.trace.attempt.company.clone()),
        link: Set(Some(line.clone())),
        ..empty(spoken.carrier, Stage::Noted, until)
    };
    if insert(tx, &row).await? {
        return Ok(());
    }
    let open = [Stage::Noted as i16, Stage::Wanted as i16];
    let known = import::Entity::find_by_id(attempt.as_str())
        .filter(C::Stage.is_in(open))
        .lock_exclusive()
        .one(tx)
        .await?;
    let Some(known) = known else { return Ok(()) };
    let start = format!("{}\t", spoken.recording);
    let others = known.link.as_deref().unwrap_or_default().lines();
    let mut lines: Vec<&str> = others.filter(|one| !one.starts_with(&start)).collect();
    lines.push(&line);
    lines.truncate(LINKS);
    import::Entity::update_many()
        .col_expr(C::Link, Expr::value(Some(lines.join("\n"))))
        .filter(C::Attempt.eq(attempt.as_str()))
        .filter(C::Stage.is_in(open))
        .exec(tx)
        .await?;
    Ok(())
}
