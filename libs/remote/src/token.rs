//! Access tokens: fetched just in time, by one caller for all, and never shown.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::{Effect, Error, Fault};

/// A token is no longer used when it has less than this left: requests take time, and clocks differ.
const MARGIN: Duration = Duration::from_secs(60);

/// Whoever fetches access tokens for one account.
#[async_trait]
pub trait Mint: Send + Sync + std::fmt::Debug {
    /// Fetches a new token.
    async fn mint(&self) -> Result<Minted, Error>;
}

/// A fresh access token.
#[derive(Debug)]
pub struct Minted {
    /// The token.
    pub token: SecretString,
    /// How long it lives from now on.
    pub lifetime: Duration,
}

/// The access token of one account at one provider. Clones share it: all clients of an account in a process are clones.
#[derive(Debug, Clone)]
pub struct Tokens {
    mint: Arc<dyn Mint>,
    slot: Arc<Mutex<Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    current: Option<Bearer>,
    /// Counts tokens, so that one is told from the next without comparing them.
    minted: u64,
    failed: Option<(Instant, Error)>,
}

/// A token in use.
#[derive(Debug, Clone)]
pub(crate) struct Bearer {
    pub(crate) token: Arc<SecretString>,
    number: u64,
    until: Instant,
}

impl Tokens {
    /// No token yet.
    #[must_use]
    pub fn new(mint: Arc<dyn Mint>) -> Self {
        Self { mint, slot: Arc::default() }
    }

    /// The token, fetched if there is none or its time is nearly over.
    pub(crate) async fn get(&self) -> Result<Bearer, Error> {
        self.other_than(None).await
    }

    /// A token other than the one that was refused. Of many callers whose token lapsed, one fetches; the others find what
    /// it brought.
    pub(crate) async fn after(&self, refused: &Bearer) -> Result<Bearer, Error> {
        self.other_than(Some(refused.number)).await
    }

    async fn other_than(&self, refused: Option<u64>) -> Result<Bearer, Error> {
        let asked = Instant::now();
        let mut slot = self.slot.lock().await;
        if let Some(current) = &slot.current
            && Some(current.number) != refused
            && Instant::now() < current.until
        {
            return Ok(current.clone());
        }
        // Who waited while another one failed has failed with it: a hundred callers are one question.
        if let Some((at, error)) = &slot.failed
            && *at >= asked
        {
            return Err(error.clone());
        }
        slot.current = None;
        match self.mint.mint().await {
            Ok(Minted { token, lifetime }) => {
                slot.minted += 1;
                slot.failed = None;
                // What lives shorter than the margin is used for half its life.
                let used = lifetime.saturating_sub(MARGIN).max(lifetime / 2);
                let bearer = Bearer {
                    token: Arc::new(token),
                    number: slot.minted,
                    until: Instant::now() + used,
                };
                slot.current = Some(bearer.clone());
                Ok(bearer)
            }
            Err(error) => {
                let error = at_the_door(error);
                slot.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}

/// A failure to get a token, as seen by who wanted something else with it: that was not done, and whether it is there was
/// not asked.
fn at_the_door(error: Error) -> Error {
    match error {
        Error::Unavailable { fault, retry_after, .. } => {
            Error::Unavailable { fault, effect: Effect::None, retry_after }
        }
        Error::Unreadable(_) => {
            Error::Unavailable { fault: Fault::Broken, effect: Effect::None, retry_after: None }
        }
        Error::NotFound { code, text }
        | Error::Forbidden { code, text, .. }
        | Error::Refused { code, text, .. } => Error::Unauthorised { code, text },
        Error::Busy { .. } | Error::Unauthorised { .. } | Error::Argument(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// Brings `token-1`, `token-2` and so on, slowly; fails while told to.
    #[derive(Debug, Default)]
    struct Counting {
        asked: AtomicU32,
        fails: std::sync::atomic::AtomicBool,
    }

    #[async_trait]
    impl Mint for Counting {
        async fn mint(&self) -> Result<Minted, Error> {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
            if self.fails.load(Ordering::SeqCst) {
                return Err(Error::unreached());
            }
            let lifetime = Duration::from_secs(3600);
            Ok(Minted { token: format!("token-{number}").into(), lifetime })
        }
    }

    fn counting() -> (Arc<Counting>, Tokens) {
        let mint = Arc::new(Counting::default());
        (Arc::clone(&mint), Tokens::new(mint))
    }

    async fn text(tokens: &Tokens) -> String {
        tokens.get().await.unwrap().token.expose_secret().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn many_callers_are_one_question() {
        let (mint, tokens) = counting();
        let all = (0..50).map(|_| {
            let tokens = tokens.clone();
            tokio::spawn(async move { text(&tokens).await })
        });
        for one in all.collect::<Vec<_>>() {
            assert_eq!(one.await.unwrap(), "token-1");
        }
        assert_eq!(mint.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_by_who_waited_and_not_kept() {
        let (mint, tokens) = counting();
        mint.fails.store(true, Ordering::SeqCst);
        let all = (0..50).map(|_| {
            let tokens = tokens.clone();
            tokio::spawn(async move { tokens.get().await.is_err() })
        });
        for one in all.collect::<Vec<_>>() {
            assert!(one.await.unwrap());
        }
        assert_eq!(mint.asked.load(Ordering::SeqCst), 1);
        mint.fails.store(false, Ordering::SeqCst);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(text(&tokens).await, "token-2");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_before_it_ends() {
        let (_, tokens) = counting();
        assert_eq!(text(&tokens).await, "token-1");
        tokio::time::advance(Duration::from_secs(3600 - 61)).await;
        assert_eq!(text(&tokens).await, "token-1");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(text(&tokens).await, "token-2");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_replaced_once_for_all() {
        let (mint, tokens) = counting();
        let lapsed = tokens.get().await.unwrap();
        for _ in 0..3 {
            let next = tokens.after(&lapsed).await.unwrap();
            assert_eq!(next.token.expose_secret(), "token-2");
        }
        assert_eq!(mint.asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_goes_away_blocks_nobody() {
        let (_, tokens) = counting();
        let gone = tokens.clone();
        let task = tokio::spawn(async move { gone.get().await.is_ok() });
        tokio::time::sleep(Duration::from_millis(100)).await;
        task.abort();
        assert_eq!(text(&tokens).await, "token-2");
    }

    #[test]
    fn what_failed_at_the_door_was_not_done_and_says_nothing_of_what_is_inside() {
        let (code, text) = ("404".to_owned(), String::new());
        let missing = Error::NotFound { code: code.clone(), text: text.clone() };
        assert_eq!(at_the_door(missing), Error::Unauthorised { code, text });
        for error in [Error::lost(Fault::Timeout), Error::Unreadable("it holds no token")] {
            let error = at_the_door(error);
            assert!(error.is_transient() && !error.may_have_been_done(), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_token_is_not_shown() {
        let (_, tokens) = counting();
        let bearer = tokens.get().await.unwrap();
        assert!(!format!("{bearer:?} {tokens:?}").contains("token-1"));
    }
}
