//! Uploads: recordings that customers have behind links of their own.

use async_trait::async_trait;
use chassis::chain;
use chrono::TimeDelta;
use decision::provider::Adapter as Which;
use decision::session::Signal;
use media::{Expected, Hosts};
use proto::provider::v1::{Act, Method};
use tracing::warn;
use url::Url;

use super::{File, Located, PATIENCE, Source, unkept};
use crate::attempts::Evidence;
use crate::carry::{Carrier, Job, Told, Trouble};
use crate::journal::Journal;

/// Carries uploads out: there is nothing to record, only a link to keep until it is asked for.
#[derive(Debug)]
pub(super) struct Upload {
    journal: Journal,
}

/// How long a link is kept that nobody asks to fetch.
const KEPT: TimeDelta = PATIENCE;

/// An upload is one file.
const FILE: &str = "upload";

impl Upload {
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal }
    }
}

#[async_trait]
impl Carrier for Upload {
    fn name(&self) -> &'static str {
        "upload"
    }

    fn serves(&self, _: &str, adapter: Which, method: Method) -> bool {
        adapter == Which::Dialer && method == Method::Upload
    }

    async fn carry(&self, job: &Job) -> Result<Told, Trouble> {
        let link = job.order.upload.as_ref().map(|upload| &upload.url);
        let kept = self.journal.note_import(&job.order, "upload", link, job.now + KEPT).await;
        kept.map(|()| Told::default()).map_err(|error| {
            warn!(error = chain(&error), "an upload could not be kept");
            unkept(Method::Upload)
        })
    }

    async fn withdraw(&self, job: &Job) -> Result<Told, Trouble> {
        let dropped = self.journal.drop_import(&job.order.attempt).await;
        dropped.map(|()| Told::default()).map_err(|error| {
            warn!(error = chain(&error), "an upload could not be taken back");
            unkept(Method::Upload)
        })
    }

    async fn act(&self, job: &Job, act: Act) -> Result<Told, Trouble> {
        if act == Act::Stop { self.withdraw(job).await } else { Ok(Told::default()) }
    }
}

#[async_trait]
impl Source for Upload {
    fn name(&self) -> &'static str {
        "upload"
    }

    async fn locate(&self, job: &Job) -> Result<Located, Trouble> {
        let lost = |code: &str, why: &str| {
            Located::Lost(Signal::UrlImportFailed, Evidence::own(code, why))
        };
        let link = job.order.upload.as_ref().filter(|upload| !upload.url.expose().is_empty());
        let Some(upload) = link else {
            return Ok(lost("no_link", "there is no link to fetch from"));
        };
        let Ok(url) = Url::parse(upload.url.expose().trim()) else {
            return Ok(lost("no_url", "the link is no URL"));
        };
        let sha256 = (!upload.sha256.is_empty()).then(|| upload.sha256.clone());
        Ok(Located::Files(vec![File {
            name: FILE.to_owned(),
            url,
            hosts: Hosts::AnyPublic,
            authorization: None,
            expected: Expected { bytes: None, sha256 },
        }]))
    }
}
