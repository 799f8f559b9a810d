//! What a provider expects as an answer before it sends anything.

/// An answer that is due at once, and nothing else is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status of HTTP.
    pub status: u16,
    /// `Content-Type`; nothing where there is no body.
    pub content_type: Option<&'static str>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// What a verified request turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A question whether we are who the provider thinks: send this and forget it.
    Handshake(Reply),
    /// An event: store its bytes, answer, then work.
    Event,
}
