//! A customer's server of recordings, which takes its time.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use fakes::{Server, wav};
use futures::StreamExt as _;

/// What is asked for, and what comes of it.
pub(crate) const FILES: [(&str, &str); 8] = [
    ("/long", "recorded"),
    ("/longer", "recorded"),
    ("/silent", "NO_CONTENT"),
    ("/short", "TOO_SHORT"),
    ("/noise", "UNKNOWN_MEDIA"),
    ("/gone", "IMPORT_FROM_CUSTOMER_URL_FAILED"),
    ("/long-again", "recorded"),
    ("/silent-again", "NO_CONTENT"),
];

/// Pieces a file is sent in.
const PIECES: usize = 20;

/// Between two of them.
const PAUSE: Duration = Duration::from_millis(40);

/// Starts the server.
pub(crate) async fn serve() -> Server {
    let routes = Router::new().fallback(|request: Request| async move {
        match request.uri().path() {
            "/long" | "/long-again" => slowly(&wav(90, false)),
            "/longer" => slowly(&wav(200, false)),
            "/silent" | "/silent-again" => slowly(&wav(120, true)),
            "/short" => slowly(&wav(20, false)),
            "/noise" => slowly(&[0x5a; 40_000]),
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    });
    Server::start(routes).await
}

fn slowly(file: &[u8]) -> Response {
    let pieces: Vec<Vec<u8>> =
        file.chunks(file.len().div_ceil(PIECES).max(1)).map(<[u8]>::to_vec).collect();
    let pieces = futures::stream::iter(pieces).then(|piece| async move {
        tokio::time::sleep(PAUSE).await;
        Ok::<_, Infallible>(piece)
    });
    Body::from_stream(pieces).into_response()
}
