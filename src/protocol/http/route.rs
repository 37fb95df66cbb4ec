//! Which answer a request gets.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::answer::accept_key;
use super::{Answer, Head, Refusal};

/// The answer to a request. Pages of `allowed_origins` (`https://example.org`), beside those of
/// the host itself, may ask for the WebSocket.
#[must_use]
pub fn route(head: &Head<'_>, allowed_origins: &[String]) -> Answer {
    try_route(head, allowed_origins).unwrap_or_else(Answer::Refused)
}

fn try_route(head: &Head<'_>, allowed_origins: &[String]) -> Result<Answer, Refusal> {
    let host = head.value("host")?;
    if head.is_http_1_1 && host.is_none_or(str::is_empty) {
        return Err(Refusal::BadRequest);
    }
    if !matches!(head.path, "/" | "/ws" | "/healthz") {
        return Err(Refusal::NotFound);
    }
    if !matches!(head.method, "GET" | "HEAD") {
        return Err(Refusal::MethodNotAllowed);
    }
    match head.path {
        "/" => Ok(Answer::Page),
        "/healthz" => Ok(Answer::Healthy),
        _ => upgrade(head, host.unwrap_or_default(), allowed_origins),
    }
}

fn upgrade(head: &Head<'_>, host: &str, allowed: &[String]) -> Result<Answer, Refusal> {
    let is_asked_for = head.method == "GET"
        && head.is_http_1_1
        && head.has_token("connection", "upgrade")
        && head.has_token("upgrade", "websocket");
    if !is_asked_for || head.value("sec-websocket-version")? != Some("13") {
        return Err(Refusal::UpgradeRequired);
    }
    let key = head.value("sec-websocket-key")?.unwrap_or_default();
    if STANDARD.decode(key).map(|bytes| bytes.len()) != Ok(16) {
        return Err(Refusal::BadRequest);
    }
    if let Some(origin) = head.value("origin")?
        && !is_of_host(origin, host)
        && !allowed
            .iter()
            .any(|other| other.eq_ignore_ascii_case(origin))
    {
        return Err(Refusal::Forbidden);
    }
    let since = head.parameter("since").map(str::parse).transpose();
    Ok(Answer::WebSocket {
        accept: accept_key(key),
        since: since.map_err(|_| Refusal::BadRequest)?,
    })
}

/// Whether a page of `origin` comes from `host`: the same name and the same port, where one that
/// the scheme implies may be left out.
fn is_of_host(origin: &str, host: &str) -> bool {
    let (scheme, authority) = origin.split_once("://").unwrap_or_default();
    let implied = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let without_port = |name: &str| {
        name.strip_suffix(implied)
            .unwrap_or(name)
            .to_ascii_lowercase()
    };
    !authority.is_empty() && without_port(authority) == without_port(host)
}
