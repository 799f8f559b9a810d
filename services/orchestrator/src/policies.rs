//! The policies of companies, fetched once per version and kept ready.
//!
//! The version by which all calls of a company are being decided, or have been, is in the store as well: nobody may judge by
//! an older one, so whoever has just begun, or slept, needs it also while its keeper does not answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::Link;
use decision::session::Settings;
use decision::{CompanyFile, Policy};
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use proto::eligibility::v1::{ApplyCompanyRequest, ApplyCompanyResponse, GetCompanyRequest};
use tonic::{Request, Status};

use crate::error::Error;
use crate::store::Calls;

/// More companies than this are not kept ready at once.
const KEPT: usize = 512;

/// A policy with what it was made of.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The policy.
    pub(crate) policy: Policy,
    /// The company file it was compiled from.
    pub(crate) file: CompanyFile,
    /// For a proposal: its canonical form, which goes with every question.
    pub(crate) draft: Option<String>,
    /// The settings by which sessions run.
    pub(crate) settings: Arc<Settings>,
}

/// The newest policy known of each company.
///
/// A version that is known here may be out of date; whoever judges by the newest says by which one it
/// judged, and the difference is noticed.
#[derive(Debug, Clone)]
pub(crate) struct Policies {
    companies: CompanyServiceClient<Link>,
    calls: Calls,
    known: Arc<Mutex<HashMap<String, Arc<Ready>>>>,
    deadline: Duration,
}

impl Policies {
    /// Policies of the companies a peer keeps, which must answer within `deadline`, and of those that are in the store.
    pub(crate) fn new(
        companies: CompanyServiceClient<Link>,
        calls: Calls,
        deadline: Duration,
    ) -> Self {
        Self { companies, calls, known: Arc::default(), deadline }
    }

    /// The newest policy known, from the store or else from its keeper if none is.
    ///
    /// # Errors
    /// The company is unknown, or its keeper does not answer; those of the store.
    pub(crate) async fn known(&self, company: &str) -> Result<Arc<Ready>, Error> {
        let known = self.lock().get(company).cloned();
        match known {
            Some(ready) => Ok(ready),
            // Whoever judges is asked for the newest, and says by which one it did.
            None => match self.raised_after(company, 0).await? {
                Some(ready) => Ok(ready),
                None => self.newest(company).await,
            },
        }
    }

    /// The policy by which the calls of a company are decided, if that is a newer version than another one. Its keeper is
    /// not asked.
    ///
    /// # Errors
    /// Those of the store; a policy that cannot be read.
    pub(crate) async fn raised_after(
        &self,
        company: &str,
        version: u64,
    ) -> Result<Option<Arc<Ready>>, Error> {
        match self.calls.policy_after(company, version).await? {
            Some((version, document)) => self.keep(company, version, &document).map(Some),
            None => Ok(None),
        }
    }

    /// The newest policy there is.
    ///
    /// # Errors
    /// The company is unknown, or its keeper does not answer.
    pub(crate) async fn newest(&self, company: &str) -> Result<Arc<Ready>, Error> {
        let request = GetCompanyRequest { company: company.to_owned(), policy_version: 0 };
        let mut request = Request::new(request);
        request.set_timeout(self.deadline);
        let answer = self
            .companies
            .clone()
            .get_company(request)
            .await
            .map_err(|status| Error::from_peer("eligibility", company, status))?
            .into_inner();
        self.keep(company, answer.policy_version, &answer.document)
    }

    /// Makes a version ready, and keeps it so unless a newer one is.
    fn keep(&self, company: &str, version: u64, document: &str) -> Result<Arc<Ready>, Error> {
        let file = read(document)?;
        let policy = Policy::compile(&file, version);
        let settings = Arc::new(Settings::of(&policy.settings.recording));
        let ready = Arc::new(Ready { policy, file, draft: None, settings });
        let mut known = self.lock();
        if known.len() >= KEPT && !known.contains_key(company) {
            known.clear();
        }
        let kept = known.entry(company.to_owned()).or_insert_with(|| Arc::clone(&ready));
        if kept.policy.version < ready.policy.version {
            *kept = Arc::clone(&ready);
        }
        Ok(ready)
    }

    /// The company file of a version; an empty one for 0, which no company has.
    ///
    /// # Errors
    /// The version is unknown, or its keeper does not answer.
    pub(crate) async fn file(&self, company: &str, version: u64) -> Result<CompanyFile, Error> {
        if version == 0 {
            return Ok(CompanyFile::named(company));
        }
        read(&self.document(company, version).await?)
    }

    /// The company file of a version as its keeper has it, read or not.
    ///
    /// # Errors
    /// The version is unknown, or its keeper does not answer.
    pub(crate) async fn document(&self, company: &str, version: u64) -> Result<String, Error> {
        let request = GetCompanyRequest { company: company.to_owned(), policy_version: version };
        let mut request = Request::new(request);
        request.set_timeout(self.deadline);
        let answer = self.companies.clone().get_company(request).await;
        let answer =
            answer.map_err(|status| Error::from_peer("eligibility", company, status))?.into_inner();
        Ok(answer.document)
    }

    /// What a proposed company file comes to; nothing is applied.
    ///
    /// # Errors
    /// What is wrong with it, as its keeper says it.
    pub(crate) async fn propose(&self, document: String) -> Result<ApplyCompanyResponse, Status> {
        let mut request = Request::new(ApplyCompanyRequest { document, dry_run: true });
        request.set_timeout(self.deadline);
        Ok(self.companies.clone().apply_company(request).await?.into_inner())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Ready>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(document: &str) -> Result<CompanyFile, Error> {
    CompanyFile::from_canonical(document)
        .map_err(|source| Error::Answer { peer: "eligibility", source: source.into() })
}
