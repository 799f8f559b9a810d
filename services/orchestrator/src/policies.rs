//! The policies of companies, fetched once per version and kept ready.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::Link;
use decision::{CompanyFile, Policy};
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use proto::eligibility::v1::{ApplyCompanyRequest, ApplyCompanyResponse, GetCompanyRequest};
use tonic::{Request, Status};

use crate::error::Error;

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
}

/// The newest policy known of each company.
///
/// A version that is known here may be out of date; whoever judges by the newest says by which one it
/// judged, and the difference is noticed.
#[derive(Debug, Clone)]
pub(crate) struct Policies {
    companies: CompanyServiceClient<Link>,
    known: Arc<Mutex<HashMap<String, Arc<Ready>>>>,
    deadline: Duration,
}

impl Policies {
    /// Policies of the companies a peer keeps, which must answer within `deadline`.
    pub(crate) fn new(companies: CompanyServiceClient<Link>, deadline: Duration) -> Self {
        Self { companies, known: Arc::default(), deadline }
    }

    /// The newest policy known, fetched if none is.
    ///
    /// # Errors
    /// The company is unknown, or its keeper does not answer.
    pub(crate) async fn known(&self, company: &str) -> Result<Arc<Ready>, Error> {
        let known = self.lock().get(company).cloned();
        match known {
            Some(ready) => Ok(ready),
            None => self.newest(company).await,
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
        let file = CompanyFile::from_canonical(&answer.document)
            .map_err(|source| Error::Answer { peer: "eligibility", source: source.into() })?;
        let ready = Arc::new(Ready {
            policy: Policy::compile(&file, answer.policy_version),
            file,
            draft: None,
        });
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
        let request = GetCompanyRequest { company: company.to_owned(), policy_version: version };
        let mut request = Request::new(request);
        request.set_timeout(self.deadline);
        let answer = self.companies.clone().get_company(request).await;
        let answer =
            answer.map_err(|status| Error::from_peer("eligibility", company, status))?.into_inner();
        CompanyFile::from_canonical(&answer.document)
            .map_err(|source| Error::Answer { peer: "eligibility", source: source.into() })
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
