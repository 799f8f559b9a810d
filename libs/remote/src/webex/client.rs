//! An organisation, and how Webex is asked.

use std::borrow::Cow;
use std::sync::Arc;

use ::http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::worded::Worded;
use crate::{
    Api, Base, Budget, Call, Credentials, Error, Http, InvalidBase, Look, Tokens, Verdict, object,
};

/// Things of a page.
const PAGE: &str = "100";
/// Pages of a list, at most.
const PAGES: usize = 50;

/// The message tells more than the list of errors beside it, whose items stand in an array.
const DIALECT: Worded =
    Worded { code: &[&["errorCode"], &["code"]], text: &[&["message"]], verdict };

fn verdict(status: StatusCode, _: Option<&str>, text: &str) -> Option<Verdict> {
    let missing_scope = text.to_ascii_lowercase().contains("scope");
    (status == StatusCode::FORBIDDEN).then_some(Verdict::Forbidden { missing_scope })
}

/// What the paths of Webex's own API begin with.
///
/// # Errors
/// Never: it can be read.
pub fn public() -> Result<Base, InvalidBase> {
    Base::new("https://webexapis.com/v1")
}

/// One organisation, or one user. Clones share connections, token and budget.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) api: Api,
}

impl Client {
    /// An organisation whose tokens come from a grant of its own. `account` is whom its limits hold for.
    #[must_use]
    pub fn new(http: &Http, base: Base, account: &str, tokens: Tokens, budget: Budget) -> Self {
        let credentials = Credentials::Tokens(tokens);
        let api = Api::new(http.clone(), base, account, credentials, Arc::new(DIALECT), budget);
        Self { api }
    }

    /// Everything in a list; what cannot be read is left out.
    pub(super) async fn all<T>(
        &self,
        call: Call,
        item: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let call = call.query("max", Cow::from(PAGE));
        let mut all = Vec::new();
        let mut next: Option<(&'static str, String)> = None;
        for _ in 0..PAGES {
            let asked = match next.take() {
                Some((key, place)) => call.clone().query(key, Cow::from(place)),
                None => call.clone(),
            };
            let answer = self.api.send(&asked).await?;
            let value = object(&answer.body)?;
            all.extend(value.items(&["items"]).iter().filter_map(&item));
            next = follow(&answer.headers);
            if next.is_none() {
                return Ok(all);
            }
        }
        Err(Error::Unreadable("a list without end"))
    }
}

/// What tells the next page from this one: `Link: <https://…?offset=10>; rel="next"`.
fn follow(headers: &HeaderMap) -> Option<(&'static str, String)> {
    let links = headers.get("link")?.to_str().ok()?;
    let next = links.split(',').find(|one| one.contains("rel=\"next\""))?;
    let (_, rest) = next.split_once('<')?;
    let (_, query) = rest.split_once('>')?.0.split_once('?')?;
    ["offset", "cursor"].into_iter().find_map(|wanted| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == wanted).map(|(_, value)| (wanted, value.into_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_webex_can_be_read() {
        assert!(public().is_ok());
    }

    #[test]
    fn the_next_page_is_its_place() {
        let next = |link: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("link", ::http::HeaderValue::from_static(link));
            follow(&headers)
        };
        let both = "<https://a.example/x?offset=0>; rel=\"first\", <https://a.example/x?max=9&offset=9>; rel=\"next\"";
        assert_eq!(next(both), Some(("offset", "9".to_owned())));
        assert_eq!(
            next("<https://a.example/x?cursor=b>; rel=\"next\""),
            Some(("cursor", "b".to_owned()))
        );
        assert_eq!(next("<https://a.example/x?offset=0>; rel=\"first\""), None);
    }
}
