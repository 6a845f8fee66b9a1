//! `journal`, `[http]`, `[telemetry]` and `[alerts]`: what concerns the process and not a pool.

use std::net::SocketAddr;

use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::EnvFilter;

use crate::config::inspection::Read;
use crate::config::parse::{self, Parsed};
use crate::config::section::Section;
use crate::config::settings::{AlertSettings, HttpSettings, LogFormat, TelemetrySettings};

/// Reads where the journal lies. Its file need not exist: the first start creates it.
pub(in crate::config) fn journal(root: &mut Section<'_>) -> Read<SecretString> {
    let journal = root.required_secret("journal", parse::journal)?;
    let path = journal.expose_secret().strip_prefix(parse::SQLITE);
    if path.is_some_and(|path| root.inspection.dir.join(path).is_dir()) {
        let expected = "sqlite:PATH with the path of a file, which need not exist yet";
        return Err(root.refuse_found("journal", "the path of a folder", expected, "add the name of a file: /ballast.db"));
    }
    Ok(journal)
}

/// Reads the HTTP listener.
pub(in crate::config) fn http(mut at: Section<'_>) -> Read<HttpSettings> {
    let listen = at.required("listen", socket);
    let allow_remote = at.required("allow_remote", parse::flag);
    if let (Ok(listen), Ok(false)) = (listen, allow_remote)
        && !listen.ip().is_loopback()
    {
        at.refuse(
            "listen",
            "a loopback address such as 127.0.0.1:9464, or allow_remote = true",
            "keep it local, or set allow_remote = true if only trusted machines reach that address",
        );
    }
    at.finish();
    Ok(HttpSettings { listen: listen?, allow_remote: allow_remote? })
}

fn socket(text: &str) -> Parsed<SocketAddr> {
    text.parse().or_else(|_| parse::refuse("an IP address and a port such as 127.0.0.1:9464", "write numbers, not a host name"))
}

/// Reads logs and traces.
pub(in crate::config) fn telemetry(mut at: Section<'_>) -> Read<TelemetrySettings> {
    let log = at.required("log", parse::one_of(&[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)]));
    let filter = at.required("filter", filter);
    let otlp_endpoint = at.optional("otlp_endpoint", parse::url(&["http", "https"]));
    at.finish();
    Ok(TelemetrySettings { log: log?, filter: filter?, otlp_endpoint: otlp_endpoint? })
}

fn filter(text: &str) -> Parsed<String> {
    if text.is_empty() || EnvFilter::try_new(text).is_err() {
        return parse::refuse(
            "a log filter such as \"info\" or \"info,ballast=debug\"",
            "write levels, or TARGET=LEVEL, with commas",
        );
    }
    Ok(text.to_owned())
}

/// Reads who is told.
pub(in crate::config) fn alerts(mut at: Section<'_>) -> Read<AlertSettings> {
    let discord_webhook = at.secret("discord_webhook", false, parse::url(&["https", "http"]));
    at.finish();
    Ok(AlertSettings { discord_webhook: discord_webhook? })
}
