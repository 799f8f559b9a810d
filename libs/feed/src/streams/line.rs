//! A connection to Redis that is made when it is needed and made again when it broke.

use std::future::Future;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, RedisError, ScriptInvocation,
    Value, from_redis_value,
};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// One connection, shared by all who use it at a time.
pub(super) struct Line {
    client: Client,
    config: AsyncConnectionConfig,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The connection, and the how manieth it is.
    current: Option<(u64, MultiplexedConnection)>,
    count: u64,
    /// When connecting failed last, and why.
    failed: Option<(Instant, RedisError)>,
}

impl Line {
    /// A line on which every connecting takes `timeout` at most, and every command takes `patience`.
    pub(super) fn new(client: Client, timeout: Duration, patience: Duration) -> Self {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(patience));
        Self { client, config, state: Mutex::default() }
    }

    /// Makes a call. Where an older connection turns out to be closed, it is made once more on a new one: perhaps for the
    /// second time.
    pub(super) async fn call<T: FromRedisValue>(&self, call: &impl Call) -> Result<T, RedisError> {
        let (number, fresh, connection) = self.get().await?;
        let error = match call.on(connection).await {
            Err(error) if broken(&error) => error,
            answer => return Ok(from_redis_value(answer?)?),
        };
        self.drop_connection(number).await;
        if fresh || error.is_timeout() {
            return Err(error);
        }
        let (number, _, connection) = self.get().await?;
        let answer = call.on(connection).await;
        if answer.as_ref().is_err_and(broken) {
            self.drop_connection(number).await;
        }
        Ok(from_redis_value(answer?)?)
    }

    /// The connection, its number, and whether it is new.
    async fn get(&self) -> Result<(u64, bool, MultiplexedConnection), RedisError> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some((number, connection)) = &state.current {
            return Ok((*number, false, connection.clone()));
        }
        // Those who waited for an attempt that failed need not wait for another one each.
        if let Some((_, error)) = state.failed.as_ref().filter(|(at, _)| *at >= asked) {
            return Err(error.clone());
        }
        match self.client.get_multiplexed_async_connection_with_config(&self.config).await {
            Ok(connection) => {
                state.count += 1;
                let number = state.count;
                state.current = Some((number, connection.clone()));
                state.failed = None;
                Ok((number, true, connection))
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn drop_connection(&self, number: u64) {
        let mut state = self.state.lock().await;
        if state.current.as_ref().is_some_and(|(current, _)| *current == number) {
            state.current = None;
        }
    }
}

/// Whether the connection is of no use any more. One that does not answer in time may never do so again.
fn broken(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error()
}

/// What can be sent over a line, any number of times.
pub(super) trait Call: Sync {
    /// Sends it, once, and awaits the answer.
    fn on(
        &self,
        line: MultiplexedConnection,
    ) -> impl Future<Output = Result<Value, RedisError>> + Send;
}

impl Call for Cmd {
    async fn on(&self, mut line: MultiplexedConnection) -> Result<Value, RedisError> {
        self.query_async(&mut line).await
    }
}

impl Call for Pipeline {
    async fn on(&self, mut line: MultiplexedConnection) -> Result<Value, RedisError> {
        self.query_async(&mut line).await
    }
}

impl Call for ScriptInvocation<'_> {
    async fn on(&self, mut line: MultiplexedConnection) -> Result<Value, RedisError> {
        self.invoke_async(&mut line).await
    }
}
