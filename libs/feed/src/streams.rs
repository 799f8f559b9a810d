//! A feed on Redis Streams: one stream, one group, a consumer for each replica.
//!
//! Keys: `{prefix}:work` is the stream, `{prefix}:later` a sorted set of what was put off, by the time it is due,
//! `{prefix}:companies` a hash of how much of it is whose, `{prefix}:dead` the stream of what was buried, `{prefix}:epoch` a
//! random word. What is done or put off is deleted from the stream, so its length is what is on its way, which publishing
//! holds below the capacity; nothing is ever trimmed unread.

mod line;

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use redis::{
    Client, ErrorKind, FromRedisValue, IntoConnectionInfo as _, ProtocolVersion, RedisError,
    Script, ServerErrorKind, Value, pipe,
};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use self::line::Line;
use crate::error::Error;
use crate::port::{Buried, Delivery, Depth, Feed, Notice};
use crate::settings::{Settings, TOO_MANY, millis_up, until};

/// The group of all who share the work.
const GROUP: &str = "workers";
/// How often publishing looks whether there is room.
const ROOM: Duration = Duration::from_millis(20);
/// The pause before a failure is told to somebody who waits for notices.
const PAUSE: Duration = Duration::from_millis(200);
/// How often consumers that are gone are looked for.
const TIDY: Duration = Duration::from_secs(60);
/// How long a consumer that holds nothing is remembered.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// Ids in one command.
const IDS: usize = 1000;

struct Scripts {
    publish: Script,
    look: Script,
    later: Script,
    bury: Script,
    replay: Script,
    group: Script,
    tidy: Script,
    depth: Script,
}

static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| {
    let with_common =
        |own: &str| Script::new(&format!("{}\n{own}", include_str!("streams/common.lua")));
    Scripts {
        publish: Script::new(include_str!("streams/publish.lua")),
        look: with_common(include_str!("streams/look.lua")),
        later: with_common(include_str!("streams/later.lua")),
        bury: with_common(include_str!("streams/bury.lua")),
        replay: Script::new(include_str!("streams/replay.lua")),
        group: Script::new(include_str!("streams/group.lua")),
        tidy: Script::new(include_str!("streams/tidy.lua")),
        depth: with_common(include_str!("streams/depth.lua")),
    }
});

/// A feed carried by Redis. Cheap to clone; clones are one consumer.
///
/// Redis may be away when it is made and at any time later: methods fail with [`Error::Unavailable`] until it is back.
#[derive(Clone)]
pub struct RedisFeed {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    consumer: String,
    work: String,
    later: String,
    companies: String,
    dead: String,
    epoch: String,
    commands: Line,
    /// Blocks while it waits for notices, so nothing else goes this way.
    reading: Line,
    reader: Arc<Mutex<Reader>>,
}

/// What whoever reads keeps in mind.
struct Reader {
    /// When to look for what is due or abandoned.
    look_at: Instant,
    tidy_at: Instant,
    /// How far what others hold has been looked through.
    cursor: String,
}

impl fmt::Debug for RedisFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisFeed")
            .field("consumer", &self.inner.consumer)
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

impl RedisFeed {
    /// A feed as the settings say. Nothing is connected to yet.
    ///
    /// # Errors
    /// [`Error::Settings`] if there is no address, or none of Redis.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let url = settings.redis.as_deref().unwrap_or_default();
        // The cause may quote the password.
        let unreadable = |_| Error::Settings("the address of redis cannot be read".to_owned());
        let info = url.into_connection_info().map_err(unreadable)?;
        // Without delay, for every command is waited for.
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        let info = info.set_tcp_settings(tcp).set_redis_settings(redis);
        let client = Client::open(info).map_err(unreadable)?;
        let timeout = Duration::from_millis(settings.timeout_ms.max(1));
        let consumer = match settings.consumer.as_str() {
            "" => random(),
            name => name.to_owned(),
        };
        let key = |name| format!("{}:{name}", settings.prefix);
        let now = Instant::now();
        let reader = Reader { look_at: now, tidy_at: now + TIDY, cursor: "0-0".to_owned() };
        Ok(Self {
            inner: Arc::new(Inner {
                consumer,
                work: key("work"),
                later: key("later"),
                companies: key("companies"),
                dead: key("dead"),
                epoch: key("epoch"),
                commands: Line::new(client.clone(), timeout, timeout),
                reading: Line::new(client, timeout, timeout + settings.poll()),
                reader: Arc::new(Mutex::new(reader)),
                settings: settings.clone(),
            }),
        })
    }
}

#[async_trait]
impl Feed for RedisFeed {
    async fn publish(&self, notices: &[Notice]) -> Result<(), Error> {
        let inner = &*self.inner;
        let deadline = inner.settings.publish_until();
        for notices in notices.chunks(inner.settings.step()) {
            let mut call = SCRIPTS.publish.key(&inner.work);
            call.arg(inner.settings.capacity());
            for notice in notices {
                call.arg(&notice.topic).arg(&notice.company).arg(&notice.subject);
                call.arg(notice.revision).arg(&notice.note);
            }
            loop {
                let appended = inner.commands.call::<bool>(&call).await?;
                if appended {
                    break;
                }
                if Instant::now() + ROOM > deadline {
                    return Err(Error::Full);
                }
                sleep(ROOM).await;
            }
        }
        Ok(())
    }

    async fn next(&self, most: usize, patience: Duration) -> Result<Vec<Delivery>, Error> {
        let deadline = until(patience);
        let most = most.min(self.inner.settings.step());
        if most == 0 {
            return Ok(Vec::new());
        }
        let turn = Arc::clone(&self.inner.reader).lock_owned();
        let Ok(reader) = timeout_at(deadline, turn).await else { return Ok(Vec::new()) };
        let (sender, receiver) = oneshot::channel();
        // In a task of its own: if the caller gives up, what arrives for it is given back instead of lying around until it
        // counts as abandoned.
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move {
            let given_up = || sender.is_closed();
            let answer = inner.read(reader, most, deadline, given_up).await;
            if let Err(Ok(unwanted)) = sender.send(answer) {
                inner.give_back(&unwanted).await;
            }
        });
        let answer = receiver.await.unwrap_or_else(|gone| Err(Error::Failed(Box::new(gone))));
        if matches!(answer, Err(Error::Unavailable(_))) {
            sleep(PAUSE.min(patience)).await;
        }
        answer
    }

    async fn done(&self, deliveries: &[Delivery]) -> Result<(), Error> {
        let inner = &*self.inner;
        for deliveries in deliveries.chunks(IDS) {
            let ids = ids(deliveries)?;
            let mut calls = pipe();
            calls.atomic();
            calls.cmd("XACK").arg(&inner.work).arg(GROUP).arg(&ids).ignore();
            calls.cmd("XDEL").arg(&inner.work).arg(&ids).ignore();
            inner.commands.call::<()>(&calls).await?;
        }
        Ok(())
    }

    async fn later(&self, deliveries: &[Delivery], after: Duration) -> Result<(), Error> {
        let inner = &*self.inner;
        for deliveries in deliveries.chunks(IDS) {
            let mut call = SCRIPTS.later.key(&inner.work);
            call.key(&inner.later).key(&inner.companies).key(&inner.dead);
            call.arg(GROUP).arg(&inner.consumer).arg(millis_up(after));
            call.arg(inner.settings.put_off()).arg(inner.settings.buried).arg(TOO_MANY);
            call.arg(ids(deliveries)?);
            let buried = inner.held::<u64>(&call).await?.unwrap_or_default();
            if buried > 0 {
                warn!(buried, "notices were buried: {TOO_MANY}");
            }
        }
        Ok(())
    }

    async fn bury(&self, deliveries: &[Delivery], why: &str) -> Result<(), Error> {
        for deliveries in deliveries.chunks(IDS) {
            self.inner.bury(&ids(deliveries)?, why).await?;
        }
        Ok(())
    }

    async fn buried(&self, after: Option<&str>, most: usize) -> Result<Vec<Buried>, Error> {
        let inner = &*self.inner;
        let from = match after {
            Some(id) => format!("({}", known(id)?),
            None => "-".to_owned(),
        };
        let mut range = redis::cmd("XRANGE");
        range.arg(&inner.dead).arg(from).arg("+").arg("COUNT").arg(most);
        let found: Value = inner.commands.call(&range).await?;
        Ok(entries(found).into_iter().map(|entry| entry.buried()).collect())
    }

    async fn replay(&self, ids: &[String]) -> Result<u64, Error> {
        let inner = &*self.inner;
        let mut replayed = 0;
        if !ids.is_empty() {
            for ids in ids.chunks(IDS) {
                let mut call = inner.replay("ids");
                for id in ids {
                    call.arg(known(id)?);
                }
                replayed += inner.count(&call).await?;
            }
            return Ok(replayed);
        }
        // What is buried from now on stays there, or what is beyond help would go round for ever.
        let mut last = redis::cmd("XREVRANGE");
        last.arg(&inner.dead).arg("+").arg("-").arg("COUNT").arg(1);
        let found: Value = inner.commands.call(&last).await?;
        let Some(last) = entries(found).pop() else { return Ok(0) };
        loop {
            let mut call = inner.replay("until");
            call.arg(&last.id).arg(IDS);
            let some = inner.count(&call).await?;
            if some == 0 {
                return Ok(replayed);
            }
            replayed += some;
        }
    }

    async fn depth(&self) -> Result<Depth, Error> {
        let inner = &*self.inner;
        let mut call = SCRIPTS.depth.key(&inner.work);
        call.key(&inner.later).key(&inner.dead).arg(GROUP);
        let (length, held, later, buried, age): (u64, u64, u64, u64, i64) =
            inner.commands.call(&call).await?;
        let waiting = length.saturating_sub(held);
        let oldest = u64::try_from(age).ok().map(Duration::from_millis);
        Ok(Depth { waiting, held, later, buried, oldest })
    }

    async fn epoch(&self) -> Result<String, Error> {
        let inner = &*self.inner;
        let epoch = inner.group(&inner.commands).await?;
        let mut info = redis::cmd("INFO");
        info.arg("server");
        let about: String = inner.commands.call(&info).await?;
        // A server that was started again, or another in its place, may have an older state than it should.
        let run = about.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap_or_default();
        Ok(format!("{epoch}-{run}"))
    }
}

impl Inner {
    /// Notices for this consumer, at the latest when nobody can be found until the deadline.
    async fn read(
        &self,
        mut reader: OwnedMutexGuard<Reader>,
        most: usize,
        deadline: Instant,
        given_up: impl Fn() -> bool,
    ) -> Result<Vec<Delivery>, Error> {
        let mut groups = 0;
        loop {
            match self.read_once(&mut reader, most, deadline).await {
                Ok(found) => {
                    let deliveries = self.sort(found).await?;
                    if !deliveries.is_empty() || Instant::now() >= deadline || given_up() {
                        return Ok(deliveries);
                    }
                }
                Err(error) if no_group(&error) && groups < 3 => {
                    groups += 1;
                    self.group(&self.reading).await?;
                    info!("the feed was lost and begins anew");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Looks around if it is time to, then waits for what is new until it is time to again.
    async fn read_once(
        &self,
        reader: &mut Reader,
        most: usize,
        deadline: Instant,
    ) -> Result<Vec<Entry>, RedisError> {
        if Instant::now() >= reader.look_at {
            let found = self.look(reader, most).await?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        let wait = deadline.min(reader.look_at).saturating_duration_since(Instant::now());
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.consumer).arg("COUNT").arg(most);
        // 0 would mean for ever.
        if let Ok(wait @ 1..) = u64::try_from(wait.as_millis()) {
            read.arg("BLOCK").arg(wait);
        }
        read.arg("STREAMS").arg(&self.work).arg(">");
        let found: Value = self.reading.call(&read).await?;
        // A list of streams, which is one: its name and its entries.
        let streams = list(found).unwrap_or_default();
        let found = streams.into_iter().filter_map(list).filter_map(|mut stream| stream.pop());
        Ok(found.flat_map(self::entries).collect())
    }

    /// What was abandoned.
    async fn look(&self, reader: &mut Reader, most: usize) -> Result<Vec<Entry>, RedisError> {
        let settings = &self.settings;
        let mut call = SCRIPTS.look.key(&self.work);
        call.key(&self.later).key(&self.dead).key(&self.companies);
        call.arg(GROUP).arg(&self.consumer);
        call.arg(settings.abandoned_after()).arg(&reader.cursor).arg(most);
        call.arg(settings.attempts()).arg(settings.buried).arg(settings.capacity());
        let (cursor, due, found, buried): (String, i64, Value, u64) =
            self.reading.call(&call).await?;
        if buried > 0 {
            warn!(buried, "notices were buried after too many deliveries");
        }
        let now = Instant::now();
        let more = cursor != "0-0";
        let due = u64::try_from(due).map_or(settings.poll(), Duration::from_millis);
        reader.look_at = if more { now } else { now + settings.poll().min(due) };
        reader.cursor = cursor;
        if now >= reader.tidy_at {
            reader.tidy_at = now + TIDY;
            self.tidy(REMEMBERED.max(Duration::from_millis(settings.abandoned_after()))).await?;
        }
        let found = list(found).unwrap_or_default().into_iter();
        Ok(found.filter_map(Entry::with_attempts).collect())
    }

    /// Forgets consumers that hold nothing and have not been heard of for so long; answers how many.
    async fn tidy(&self, silent: Duration) -> Result<u64, RedisError> {
        let mut call = SCRIPTS.tidy.key(&self.work);
        call.arg(GROUP).arg(millis_up(silent));
        self.reading.call(&call).await
    }

    /// Deliveries of what can be read as notices; the rest is buried.
    async fn sort(&self, found: Vec<Entry>) -> Result<Vec<Delivery>, Error> {
        let most = self.settings.attempts();
        let (mut deliveries, mut rubbish, mut hopeless) = (Vec::new(), Vec::new(), Vec::new());
        for entry in found {
            match entry.notice() {
                Some(_) if entry.attempts > most => hopeless.push(entry.id),
                Some(notice) => {
                    deliveries.push(Delivery { id: entry.id, notice, attempts: entry.attempts });
                }
                None => rubbish.push(entry.id),
            }
        }
        if !rubbish.is_empty() {
            warn!(count = rubbish.len(), "what is no notice was found in the feed, and buried");
        }
        if !hopeless.is_empty() {
            warn!(buried = hopeless.len(), "notices were buried after too many deliveries");
        }
        let given_up = format!("given up after {most} deliveries");
        let both = [(rubbish, "cannot be read as a notice"), (hopeless, given_up.as_str())];
        for (ids, why) in both.iter().filter(|(ids, _)| !ids.is_empty()) {
            match self.bury(ids, why).await {
                // They come again when they count as abandoned.
                Err(error) if !deliveries.is_empty() => info!(%error, "burying must wait"),
                answer => answer?,
            }
        }
        Ok(deliveries)
    }

    async fn bury(&self, ids: &[impl AsRef<str>], why: &str) -> Result<(), Error> {
        let mut call = SCRIPTS.bury.key(&self.work);
        call.key(&self.dead).arg(GROUP).arg(&self.consumer).arg(self.settings.buried);
        call.arg(self.settings.attempts()).arg(why);
        for id in ids {
            call.arg(id.as_ref());
        }
        self.held::<()>(&call).await.map(drop)
    }

    /// Does something with what this consumer holds. If the group is gone, it holds nothing, and there is no answer.
    async fn held<T: FromRedisValue>(
        &self,
        call: &redis::ScriptInvocation<'_>,
    ) -> Result<Option<T>, Error> {
        match self.commands.call::<T>(call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if no_group(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets the next one who looks have what nobody waits for any more. As good as it goes: what stays is taken over when
    /// it counts as abandoned.
    async fn give_back(&self, unwanted: &[Delivery]) {
        for unwanted in unwanted.chunks(IDS) {
            let mut calls = pipe();
            for delivery in unwanted {
                // Idle for long enough to be taken over, and as often delivered as before.
                let before = u64::from(delivery.attempts.saturating_sub(1));
                calls.cmd("XCLAIM").arg(&self.work).arg(GROUP).arg(&self.consumer).arg(0);
                calls.arg(&delivery.id).arg("IDLE").arg(self.settings.abandoned_after());
                calls.arg("RETRYCOUNT").arg(before).arg("JUSTID").ignore();
            }
            let given = self.commands.call::<()>(&calls).await;
            if let Err(error) = given {
                info!(%error, "unwanted notices could not be given back; they will be taken over");
            }
        }
    }

    fn replay(&self, which: &str) -> redis::ScriptInvocation<'static> {
        let mut call = SCRIPTS.replay.key(&self.work);
        call.key(&self.dead).arg(which);
        call
    }

    async fn count(&self, call: &redis::ScriptInvocation<'_>) -> Result<u64, Error> {
        Ok(self.commands.call(call).await?)
    }

    /// Makes sure that there is a group, from the beginning of the stream; answers the epoch.
    async fn group(&self, line: &Line) -> Result<String, RedisError> {
        let mut call = SCRIPTS.group.key(&self.work);
        call.key(&self.epoch).arg(GROUP).arg(random());
        line.call(&call).await
    }
}

/// What lies in a stream.
struct Entry {
    id: String,
    attempts: u32,
    /// Names and values, alternating.
    fields: Vec<Vec<u8>>,
}

impl Entry {
    /// An entry as id and fields, just delivered.
    fn new(value: Value) -> Option<Self> {
        let mut parts = list(value)?.into_iter();
        let id = String::from_redis_value(parts.next()?).ok()?;
        let fields = Vec::from_redis_value(parts.next()?).unwrap_or_default();
        let mut entry = Self { id, attempts: 1, fields };
        let before = entry.number("a").unwrap_or(0);
        entry.attempts = before.saturating_add(1);
        Some(entry)
    }

    /// An entry as id, attempts and fields.
    fn with_attempts(value: Value) -> Option<Self> {
        let mut parts = list(value)?.into_iter();
        let id = String::from_redis_value(parts.next()?).ok()?;
        // Beyond all counting: somebody else wrote it.
        let attempts = u32::from_redis_value(parts.next()?).unwrap_or(u32::MAX);
        let fields = Vec::from_redis_value(parts.next()?).unwrap_or_default();
        Some(Self { id, attempts, fields })
    }

    fn field(&self, name: &str) -> Option<&str> {
        let (names, _) = self.fields.as_chunks::<2>();
        let [_, value] = names.iter().find(|[key, _]| key == name.as_bytes())?;
        str::from_utf8(value).ok()
    }

    fn number(&self, name: &str) -> Option<u32> {
        self.field(name)?.parse().ok()
    }

    fn notice(&self) -> Option<Notice> {
        Some(Notice {
            topic: self.field("t").filter(|topic| !topic.is_empty())?.to_owned(),
            company: self.field("c")?.to_owned(),
            subject: self.field("s")?.to_owned(),
            revision: self.field("r")?.parse().ok()?,
            note: self.field("n")?.to_owned(),
        })
    }

    fn buried(self) -> Buried {
        let notice = self.notice().unwrap_or_else(|| Notice {
            topic: String::new(),
            company: String::new(),
            subject: String::new(),
            revision: 0,
            note: String::new(),
        });
        // The last two fields, whatever the others are called.
        let own = self.fields.len().saturating_sub(4);
        let end = Self { fields: self.fields.get(own..).unwrap_or_default().to_vec(), ..self };
        let at = end.id.split('-').next().and_then(|ms| ms.parse().ok());
        Buried {
            notice,
            attempts: end.number("attempts").unwrap_or(0),
            why: end.field("why").unwrap_or_default().to_owned(),
            at: at.and_then(DateTime::<Utc>::from_timestamp_millis).unwrap_or_default(),
            id: end.id,
        }
    }
}

fn entries(value: Value) -> Vec<Entry> {
    list(value).unwrap_or_default().into_iter().filter_map(Entry::new).collect()
}

fn list(value: Value) -> Option<Vec<Value>> {
    if let Value::Array(values) = value { Some(values) } else { None }
}

fn ids(deliveries: &[Delivery]) -> Result<Vec<&str>, Error> {
    deliveries.iter().map(|delivery| known(&delivery.id)).collect()
}

/// An id as Redis makes them: two numbers.
fn known(id: &str) -> Result<&str, Error> {
    let number = |part: &str| part.parse::<u64>().is_ok();
    match id.split_once('-') {
        Some((time, rest)) if number(time) && number(rest) => Ok(id),
        _ => Err(Error::UnknownId(id.to_owned())),
    }
}

fn random() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Whether the group, or all of the stream, is gone.
fn no_group(error: &RedisError) -> bool {
    matches!(error.code(), Some("NOGROUP" | "UNBLOCKED"))
        || error.detail().is_some_and(|detail| detail.contains("NOGROUP"))
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the enum is foreign and grows")]
impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        let away = match error.kind() {
            ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => true,
            ErrorKind::Server(kind) => matches!(
                kind,
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::ReadOnly
            ),
            // No memory left, too few replicas, a script that takes too long.
            ErrorKind::Extension => {
                matches!(error.code(), Some("OOM" | "NOREPLICAS" | "BUSY" | "MISCONF"))
            }
            _ => false,
        };
        if away { Self::Unavailable(Box::new(error)) } else { Self::Failed(Box::new(error)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_consumer_that_is_gone_is_forgotten_unless_it_holds_something() {
        let Ok(url) = std::env::var("CALLSHEET_TEST_REDIS") else {
            let required = std::env::var("CALLSHEET_TEST_SERVERS").is_ok_and(|it| it == "required");
            assert!(!required, "CALLSHEET_TEST_REDIS is not set");
            return eprintln!("skipped: CALLSHEET_TEST_REDIS is not set");
        };
        let prefix = format!("test-{}", random());
        let settings = Settings { redis: Some(url), prefix, ..Settings::default() };
        let consumer = || RedisFeed::new(&settings).unwrap();
        let (here, gone, holding) = (consumer(), consumer(), consumer());
        let notice = Notice {
            topic: "meetings".to_owned(),
            company: String::new(),
            subject: "a".to_owned(),
            revision: 1,
            note: String::new(),
        };
        gone.publish(&[notice.clone(), notice.clone()]).await.unwrap();
        gone.done(&gone.next(1, Duration::ZERO).await.unwrap()).await.unwrap();
        assert_eq!(holding.next(1, Duration::ZERO).await.unwrap().len(), 1);
        sleep(Duration::from_millis(300)).await;
        here.next(1, Duration::ZERO).await.unwrap();
        assert_eq!(here.inner.tidy(Duration::from_millis(200)).await.unwrap(), 1);
        assert_eq!(here.inner.tidy(Duration::from_millis(200)).await.unwrap(), 0);
        assert_eq!(here.depth().await.unwrap().held, 1);
        // One that was forgotten by mistake is simply known again.
        gone.publish(&[notice]).await.unwrap();
        assert_eq!(gone.next(1, Duration::ZERO).await.unwrap().len(), 1);
    }
}
