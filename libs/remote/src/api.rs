//! One account's way to one provider.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::budget::{Left, Weight};
use crate::error::{Dialect, Error, judge};
use crate::token::Tokens;
use crate::{Answer, Base, Budget, Http, object};

/// How long nobody asks after a refusal that does not say how long.
const MOMENT: Duration = Duration::from_secs(1);

/// What an account shows to be let in.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Tokens that lapse; one that is refused is replaced once.
    Tokens(Tokens),
    /// What never changes, in a header.
    Header(HeaderName, SecretString),
    /// Nothing.
    None,
}

impl Credentials {
    /// A name and a password (RFC 7617).
    #[must_use]
    pub fn basic(user: &str, password: &SecretString) -> Self {
        let pair = format!("{user}:{}", password.expose_secret());
        let text = format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()));
        Self::Header(AUTHORIZATION, text.into())
    }

    /// The header that lets in now; none where nothing is shown.
    pub(crate) async fn header(&self) -> Result<Option<(HeaderName, SecretString)>, Error> {
        Ok(match self {
            Self::Tokens(tokens) => {
                let bearer = tokens.get().await?;
                let text = format!("Bearer {}", bearer.token.expose_secret());
                Some((AUTHORIZATION, text.into()))
            }
            Self::Header(name, value) => Some((name.clone(), value.clone())),
            Self::None => None,
        })
    }
}

/// A request, without where the provider lives and who asks.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    segments: Vec<String>,
    slash: bool,
    query: Vec<(&'static str, String)>,
    headers: HeaderMap,
    body: Option<(&'static str, Bytes)>,
    weight: Weight,
}

impl Call {
    /// A request for a path, given as its segments: each is escaped whole. A light one, unless told otherwise.
    #[must_use]
    pub fn new<'a>(method: Method, segments: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            method,
            segments: segments.into_iter().map(str::to_owned).collect(),
            slash: false,
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
            weight: Weight::Light,
        }
    }

    /// `GET`.
    #[must_use]
    pub fn get<'a>(segments: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(Method::GET, segments)
    }

    /// Ends the path with a slash, where a provider redirects what has none.
    #[must_use]
    pub fn slash(mut self) -> Self {
        self.slash = true;
        self
    }

    /// What it costs the provider.
    #[must_use]
    pub fn weight(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// Adds to the query, if there is something to add.
    #[must_use]
    pub fn query<'a>(mut self, key: &'static str, value: impl Into<Option<Cow<'a, str>>>) -> Self {
        if let Some(value) = value.into() {
            self.query.push((key, value.into_owned()));
        }
        self
    }

    /// Adds a header. What cannot be one is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// A body of JSON.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = Some(("application/json", body.to_string().into()));
        self
    }

    /// A body as a form.
    #[must_use]
    pub fn form(mut self, pairs: &[(&str, &str)]) -> Self {
        let text =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.body = Some(("application/x-www-form-urlencoded", text.into()));
        self
    }
}

/// One account's way to one provider. Clones share connections, token and budget.
#[derive(Debug, Clone)]
pub struct Api {
    http: Http,
    base: Base,
    account: Arc<str>,
    credentials: Credentials,
    dialect: Arc<dyn Dialect>,
    budget: Budget,
}

impl Api {
    /// A way to a provider. `account` is whom its limits hold for.
    #[must_use]
    pub fn new(
        http: Http,
        base: Base,
        account: &str,
        credentials: Credentials,
        dialect: Arc<dyn Dialect>,
        budget: Budget,
    ) -> Self {
        Self { http, base, account: account.into(), credentials, dialect, budget }
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// What the provider said last of what is left of calls of this weight.
    #[must_use]
    pub fn left(&self, weight: Weight) -> Option<Left> {
        self.budget.left(&self.account, weight)
    }

    /// Whether the account is let in, as far as that can be told without asking for anything: a token can be had, or no
    /// token is needed. One that is there already is not replaced.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn sign_in(&self) -> Result<(), Error> {
        match &self.credentials {
            Credentials::Tokens(tokens) => tokens.get().await.map(drop),
            Credentials::Header(..) | Credentials::None => Ok(()),
        }
    }

    /// The header that lets in now, for what is fetched from elsewhere; none where nothing is shown.
    pub(crate) async fn header(&self) -> Result<Option<(HeaderName, SecretString)>, Error> {
        self.credentials.header().await
    }

    /// Sends a call and returns the answer if it is a success.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn send(&self, call: &Call) -> Result<Answer, Error> {
        // What cannot be sent costs nothing.
        self.base.join(&call.segments, &call.query)?;
        self.budget.take(&self.account, call.weight).await?;
        let Credentials::Tokens(tokens) = &self.credentials else {
            return self.once(call, None).await;
        };
        let bearer = tokens.get().await?;
        match self.once(call, Some(&bearer.token)).await {
            // Refused credentials are the one failure after which nothing can have been done.
            Err(Error::Unauthorised { .. }) => {
                let bearer = tokens.after(&bearer).await?;
                self.once(call, Some(&bearer.token)).await
            }
            answer => answer,
        }
    }

    /// Sends a call and reads the answer as a JSON object.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn json(&self, call: &Call) -> Result<Value, Error> {
        object(&self.send(call).await?.body)
    }

    /// Sends a call whose answer says nothing but that it was done.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn done(&self, call: &Call) -> Result<(), Error> {
        self.send(call).await.map(drop)
    }

    async fn once(&self, call: &Call, token: Option<&SecretString>) -> Result<Answer, Error> {
        let mut url = self.base.join(&call.segments, &call.query)?;
        if call.slash {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let mut headers = call.headers.clone();
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, hidden(&format!("Bearer {}", token.expose_secret()))?);
        }
        if let Credentials::Header(name, value) = &self.credentials {
            headers.insert(name.clone(), hidden(value.expose_secret())?);
        }
        let body = call.body.as_ref().map(|(kind, body)| {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            body.clone()
        });
        let answer = self.http.send(call.method.clone(), url, headers, body).await?;
        self.budget.note(&self.account, call.weight, &answer.headers);
        let judged = judge(&*self.dialect, answer);
        if let Err(Error::Busy { limit: crate::Limit::Rate, retry_after }) = &judged {
            self.budget.close(&self.account, call.weight, retry_after.unwrap_or(MOMENT));
        }
        judged
    }
}

/// A header nobody prints.
fn hidden(text: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Error::Argument("credentials that cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_a_header_are_not_printed() {
        let value = hidden("Bearer opensesame").unwrap();
        assert!(value.is_sensitive() && !format!("{value:?}").contains("opensesame"));
        assert_eq!(
            hidden("a\nb"),
            Err(Error::Argument("credentials that cannot stand in a header"))
        );
    }
}
