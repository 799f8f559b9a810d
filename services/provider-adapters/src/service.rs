//! The gRPC face of provider-adapters.

use std::sync::Arc;

use decision::Conference;
use decision::company::Method;
use decision::provider::{Adapter as Which, Facts};
use proto::Invalid;
use proto::provider::v1;
use proto::provider::v1::provider_adapter_service_server::ProviderAdapterService;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use crate::adapter::{Adapter, details};
use crate::attempts::text;
use crate::error::Error;
use crate::facts::{self, Known};
use crate::gather::Gather;
use crate::health::Doctor;
use crate::providers::Hosted;
use crate::session::Sessions;
use crate::watch::Watcher;

/// Calls in one batch.
const MAX_CALLS: usize = 10_000;
/// Bytes of a conference's canonical id.
const MAX_ID: usize = 600;

/// The service.
#[derive(Debug)]
pub(crate) struct Service {
    gather: Arc<Gather>,
    hosted: Hosted,
    sessions: Sessions,
    doctor: Doctor,
}

/// A call that makes sense: an adapter hosted here, and a method and a conference that are its own.
struct Question {
    adapter: &'static dyn Adapter,
    method: Method,
    /// None for telephony.
    conference: Option<Conference>,
    organizer: String,
}

impl Service {
    /// A service that learns facts so, hosts these adapters, and has plans carried out so.
    pub(crate) fn new(
        gather: Arc<Gather>,
        hosted: Hosted,
        sessions: Sessions,
        doctor: Doctor,
    ) -> Self {
        Self { gather, hosted, sessions, doctor }
    }

    fn adapter(&self, which: Which) -> Result<&'static dyn Adapter, Error> {
        self.hosted.get(which).ok_or_else(|| Error::NotHosted {
            adapter: which.as_str(),
            hosted: self.hosted.names(),
        })
    }

    fn question(&self, place: usize, call: v1::CallQuestion) -> Result<Question, Error> {
        let wrong = |field, problem: String| Error::Call { place, field, problem };
        let which = proto::provider::adapter("adapter", call.adapter)
            .map_err(|error| wrong("adapter", error.to_string()))?
            .ok_or_else(|| wrong("adapter", "is missing".to_owned()))?;
        let adapter = self.adapter(which)?;
        let unfit = || {
            let fitting: Vec<_> = adapter.methods().iter().map(v1::Method::as_str_name).collect();
            wrong("method", format!("is none of `{}`: {}", adapter.name(), fitting.join(", ")))
        };
        let named = v1::Method::try_from(call.method).map_err(|_| unfit())?;
        if !adapter.methods().contains(&named) {
            return Err(unfit());
        }
        let organizer = call.organizer;
        let Some(provider) = adapter.provider() else {
            // Nothing about an import depends on how a conference would be recorded.
            return Ok(Question { adapter, method: Method::Bot, conference: None, organizer });
        };
        let method = proto::provider::method("method", call.method).map_err(|_| unfit())?;
        let conference =
            call.conference.ok_or_else(|| wrong("conference", "is missing".to_owned()))?;
        let conference = Conference::try_from(conference)
            .map_err(|error| wrong("conference", error.to_string()))?;
        if conference.provider != provider {
            return Err(wrong(
                "conference",
                format!(
                    "is of `{}`, which `{}` does not serve",
                    conference.provider.as_str(),
                    adapter.name()
                ),
            ));
        }
        Ok(Question { adapter, method, conference: Some(conference), organizer })
    }

    fn describe(
        adapter: &dyn Adapter,
        company: &str,
        newest: Option<&(u64, Arc<Known>)>,
    ) -> v1::AdapterDescription {
        let provider = adapter.provider();
        let setup = newest.and_then(|(_, known)| known.setup(provider?));
        let details = match newest {
            None if company.is_empty() => Vec::new(),
            None => vec![format!(
                "error: nothing has been applied for company `{company}`; apply its company file"
            )],
            Some((_, known)) => {
                let told = details(adapter, setup, &known.hosts);
                told.iter().map(ToString::to_string).collect()
            }
        };
        v1::AdapterDescription {
            adapter: v1::Adapter::from(adapter.which()).into(),
            provider: provider.map_or(proto::verdict::v1::Provider::Unspecified, Into::into).into(),
            methods: adapter.methods().iter().map(|method| (*method).into()).collect(),
            enabled: setup.is_some_and(|setup| setup.enabled),
            configured: setup.is_some_and(|setup| setup.configured),
            authenticated_bot: setup.is_some_and(|setup| setup.authenticated_bot),
            details,
            policy_version: newest.map_or(0, |(version, _)| *version),
            connections: Vec::new(),
        }
    }
}

/// What is wrong with where recordings are kept, as a detail.
fn told_of_shelf(problem: &v1::Problem) -> String {
    format!("error: {}; {}", problem.text, problem.remedy)
}

#[tonic::async_trait]
impl ProviderAdapterService for Service {
    async fn describe_adapter(
        &self,
        request: Request<v1::DescribeAdapterRequest>,
    ) -> Result<Response<v1::DescribeAdapterResponse>, Status> {
        let v1::DescribeAdapterRequest { company, adapter } = request.into_inner();
        let which = proto::provider::adapter("adapter", adapter).map_err(Error::from)?;
        let asked: Vec<_> = match which {
            Some(which) => vec![self.adapter(which)?],
            None => self.hosted.all().collect(),
        };
        let newest = if company.is_empty() { None } else { self.gather.newest(&company).await? };
        let shelf = if company.is_empty() { Vec::new() } else { self.doctor.shelf().await };
        let mut adapters = Vec::with_capacity(asked.len());
        for adapter in asked {
            let mut described = Self::describe(adapter, &company, newest.as_ref());
            let which = adapter.which();
            described.connections = self.doctor.connections(&company, which, &shelf).await?;
            described.details.extend(shelf.iter().map(told_of_shelf));
            adapters.push(described);
        }
        Ok(Response::new(v1::DescribeAdapterResponse { adapters }))
    }

    async fn assess_calls(
        &self,
        request: Request<v1::AssessCallsRequest>,
    ) -> Result<Response<v1::AssessCallsResponse>, Status> {
        let v1::AssessCallsRequest { company, policy_version, now, calls, draft } =
            request.into_inner();
        Invalid::limit("calls", calls.len(), MAX_CALLS).map_err(Error::from)?;
        // Nothing that is known of providers today depends on the instant; a wrong one is refused all the same.
        proto::time::optional("now", now.as_ref()).map_err(Error::from)?;
        let questions = calls
            .into_iter()
            .enumerate()
            .map(|(place, call)| self.question(place, call))
            .collect::<Result<Vec<_>, _>>()?;
        let known = match draft {
            Some(draft) => self.gather.draft(&company, draft).await?,
            None => self.gather.facts(&company, policy_version).await?,
        };
        let conferences = questions.iter().filter_map(|it| it.conference.as_ref()).collect();
        let audio = self.gather.audio(&company, conferences).await?;
        let assess = |question: &Question| {
            let facts = Facts {
                host: known.host(&question.organizer),
                setup: question.adapter.provider().and_then(|provider| known.setup(provider)),
                computer_audio: question.conference.as_ref().and_then(|it| audio.get(it).copied()),
                method: question.method,
            };
            (&question.adapter.assess(&facts)).into()
        };
        let assessments = questions.iter().map(assess).collect();
        Ok(Response::new(v1::AssessCallsResponse { policy_version, assessments }))
    }

    async fn apply_provider_facts(
        &self,
        request: Request<v1::ApplyProviderFactsRequest>,
    ) -> Result<Response<v1::ApplyProviderFactsResponse>, Status> {
        let (company, version, facts) =
            facts::from_wire(request.into_inner()).map_err(Error::from)?;
        self.gather.store().keep_facts(&company, version, &facts).await?;
        Ok(Response::new(v1::ApplyProviderFactsResponse {}))
    }

    async fn apply_conference_facts(
        &self,
        request: Request<v1::ApplyConferenceFactsRequest>,
    ) -> Result<Response<v1::ApplyConferenceFactsResponse>, Status> {
        let v1::ApplyConferenceFactsRequest { company, conference, computer_audio } =
            request.into_inner();
        facts::company(&company).map_err(Error::from)?;
        let conference = conference
            .ok_or(Invalid::Missing("conference"))
            .and_then(Conference::try_from)
            .map_err(Error::from)?;
        if conference.id.len() > MAX_ID || conference.id.contains('\0') {
            let problem = format!("it has more than {MAX_ID} bytes, or a zero byte among them");
            return Err(Error::from(Invalid::Text { field: "conference.id", problem }).into());
        }
        self.gather.keep_audio(&company, &conference, computer_audio).await?;
        Ok(Response::new(v1::ApplyConferenceFactsResponse {}))
    }

    async fn dispatch(
        &self,
        request: Request<v1::DispatchRequest>,
    ) -> Result<Response<v1::DispatchResponse>, Status> {
        let kept = self.sessions.dispatch(request.into_inner(), &self.hosted).await?;
        Ok(Response::new(kept))
    }

    async fn withdraw(
        &self,
        request: Request<v1::WithdrawRequest>,
    ) -> Result<Response<v1::WithdrawResponse>, Status> {
        Ok(Response::new(self.sessions.withdraw(request.into_inner()).await?))
    }

    async fn instruct(
        &self,
        request: Request<v1::InstructRequest>,
    ) -> Result<Response<v1::InstructResponse>, Status> {
        Ok(Response::new(self.sessions.instruct(request.into_inner()).await?))
    }

    async fn submit_signal(
        &self,
        request: Request<v1::SubmitSignalRequest>,
    ) -> Result<Response<v1::SubmitSignalResponse>, Status> {
        Ok(Response::new(self.sessions.submit(request.into_inner()).await?))
    }

    type WatchSignalsStream = BoxStream<v1::WatchSignalsResponse>;

    async fn watch_signals(
        &self,
        request: Request<v1::WatchSignalsRequest>,
    ) -> Result<Response<Self::WatchSignalsStream>, Status> {
        let request = request.into_inner();
        text("company", &request.company, 0, MAX_ID).map_err(Error::from)?;
        Ok(Response::new(Watcher::new(self.sessions.journal.clone(), request).stream()))
    }
}
