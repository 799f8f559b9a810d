//! What commands need to know of a company: asked of the service that keeps it.

use chassis::Link;
use chrono_tz::Tz;
use decision::CompanyFile;
use proto::eligibility::v1::company_service_client::CompanyServiceClient;
use proto::eligibility::v1::{ApplyCompanyRequest, ApplyCompanyResponse, GetCompanyRequest};

use crate::error::Error;

/// The largest message from a server: what it sends, it may send.
pub(crate) const LARGEST: usize = 1 << 30;

fn client(link: Link) -> CompanyServiceClient<Link> {
    CompanyServiceClient::new(link)
        .max_decoding_message_size(LARGEST)
        .max_encoding_message_size(LARGEST)
}

/// Applies a company file.
pub(crate) async fn apply(
    link: Link,
    (file, document): (String, String),
    dry_run: bool,
) -> Result<ApplyCompanyResponse, Error> {
    client(link)
        .apply_company(ApplyCompanyRequest { document, dry_run })
        .await
        .map(tonic::Response::into_inner)
        .map_err(Error::refused_file("apply the company file", file))
}

/// The newest version of a company's declaration.
pub(crate) async fn get(link: Link, company: &str) -> Result<CompanyFile, Error> {
    let request = GetCompanyRequest { company: company.to_owned(), policy_version: 0 };
    let answer = client(link)
        .get_company(request)
        .await
        .map_err(Error::refused("read the company"))?
        .into_inner();
    CompanyFile::from_canonical(&answer.document).map_err(|error| {
        let problem = error.to_string();
        Error::Answer(proto::Invalid::Text { field: "document", problem })
    })
}

/// The zone in which people of the company read times.
pub(crate) fn zone(company: &CompanyFile) -> Tz {
    company.time_zone.parse().unwrap_or(Tz::UTC)
}
