//! As much of S3 as a store of recordings needs, over a real socket.

use super::server::{Reply, Seen, Server};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use url::Url;

/// What the bucket holds.
#[derive(Default)]
pub(crate) struct Bucket {
    pub(crate) objects: BTreeMap<String, (Vec<u8>, u64)>,
    pub(crate) uploads: BTreeMap<String, BTreeMap<usize, Vec<u8>>>,
    count: u64,
    /// How many of the next requests are answered with 503.
    pub(crate) trouble: u32,
    /// Parts are not taken.
    pub(crate) no_parts: bool,
}

/// Serves a bucket named `recordings`.
pub(crate) async fn serve() -> (Server, Arc<Mutex<Bucket>>) {
    let bucket = Arc::new(Mutex::new(Bucket::default()));
    let served = bucket.clone();
    let server = Server::start(move |seen, _| served.lock().unwrap().answer(seen)).await;
    (server, bucket)
}

fn etag(version: u64) -> String {
    format!("\"e{version}\"")
}

fn xml(text: String) -> Reply {
    Reply::ok(text.into_bytes()).with("content-type", "application/xml")
}

fn missing(code: &str) -> Reply {
    xml(format!("<Error><Code>{code}</Code></Error>")).coded(404)
}

impl Bucket {
    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn answer(&mut self, seen: &Seen) -> Reply {
        assert!(
            seen.header("authorization").unwrap().starts_with("AWS4-HMAC-SHA256 Credential=id/")
        );
        if self.trouble > 0 {
            self.trouble -= 1;
            return Reply::status(503);
        }
        let url = Url::parse(&format!("http://x{}", seen.target)).unwrap();
        let path = percent_decoded(url.path());
        let key = path.strip_prefix("/recordings").unwrap().trim_start_matches('/').to_owned();
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let upload = query.get("uploadId");
        match (seen.method.as_str(), upload) {
            ("POST", None) if query.contains_key("uploads") => {
                let id = format!("u{}", self.next());
                self.uploads.insert(id.clone(), BTreeMap::new());
                xml(format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                ))
            }
            ("POST", None) if query.contains_key("delete") => {
                let body = String::from_utf8_lossy(&seen.body).into_owned();
                let keys =
                    body.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
                let deleted: String = keys
                    .map(|key| {
                        self.objects.remove(key);
                        format!("<Deleted><Key>{key}</Key></Deleted>")
                    })
                    .collect();
                xml(format!("<DeleteResult>{deleted}</DeleteResult>"))
            }
            ("PUT", Some(_)) if self.no_parts => Reply::status(403),
            ("PUT", Some(id)) => {
                let version = self.next();
                let Some(upload) = self.uploads.get_mut(id) else { return missing("NoSuchUpload") };
                upload.insert(query["partNumber"].parse().unwrap(), seen.body.clone());
                Reply::status(200).with("etag", etag(version))
            }
            ("POST", Some(id)) => {
                let Some(upload) = self.uploads.remove(id) else { return missing("NoSuchUpload") };
                let last = upload.len();
                // As S3 does: all parts but the last have their least size.
                let small =
                    upload.iter().any(|(number, part)| *number < last && part.len() < 5 << 20);
                if small || !upload.keys().copied().eq(1..=last) {
                    return xml("<Error><Code>EntityTooSmall</Code></Error>".to_owned()).coded(400);
                }
                let version = self.next();
                self.objects.insert(key, (upload.into_values().flatten().collect(), version));
                xml(format!(
                    "<CompleteMultipartUploadResult><ETag>{}</ETag></CompleteMultipartUploadResult>",
                    etag(version)
                ))
            }
            ("DELETE", Some(id)) => match self.uploads.remove(id) {
                Some(_) => Reply::status(204),
                None => missing("NoSuchUpload"),
            },
            ("PUT", None) => {
                let known = self.objects.get(&key).map(|(_, version)| etag(*version));
                if seen.header("if-none-match") == Some("*") && known.is_some()
                    || seen
                        .header("if-match")
                        .is_some_and(|wanted| known.as_deref() != Some(wanted))
                {
                    return Reply::status(412);
                }
                let version = self.next();
                self.objects.insert(key, (seen.body.clone(), version));
                Reply::status(200).with("etag", etag(version))
            }
            ("GET", None) if query.contains_key("list-type") => {
                let prefix = query.get("prefix").cloned().unwrap_or_default();
                let listed: String = self
                    .objects
                    .iter()
                    .filter(|(key, _)| key.starts_with(&prefix))
                    .map(|(key, (bytes, version))| {
                        format!(
                            "<Contents><Key>{key}</Key><Size>{}</Size><ETag>{}</ETag>\
                             <LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>",
                            bytes.len(),
                            etag(*version)
                        )
                    })
                    .collect();
                xml(format!(
                    "<ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>"
                ))
            }
            ("GET" | "HEAD", None) => match self.objects.get(&key) {
                Some((bytes, version)) => ranged(seen, bytes)
                    .with("etag", etag(*version))
                    .with("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
                None => missing("NoSuchKey"),
            },
            (method, _) => panic!("{method} {}", seen.target),
        }
    }
}

fn ranged(seen: &Seen, bytes: &[u8]) -> Reply {
    let range = seen.header("range").and_then(|range| {
        let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
        Some((from.parse::<usize>().ok()?, to.parse::<usize>().ok()?.min(bytes.len() - 1)))
    });
    match range {
        Some((from, to)) => Reply::ok(bytes[from..=to].to_vec())
            .coded(206)
            .with("content-range", format!("bytes {from}-{to}/{}", bytes.len())),
        None => Reply::ok(bytes.to_vec()),
    }
}

fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}
