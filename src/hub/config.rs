//! Which hub, under which name: what `--hub`, `--hub-key` and `--node` say. Keeps the password from
//! whatever is printed.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use redis::io::tcp::TcpSettings;
use redis::{ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};

use crate::failure::CliError;

const NAME_MAX_BYTES: usize = 64;
const KEY_MAX_BYTES: usize = 256;

/// A hub, and this node's name there.
#[derive(Clone)]
pub(crate) struct HubConfig {
    pub(super) redis: ConnectionInfo,
    /// The stream's key; others begin with it.
    pub(crate) key: String,
    /// This node's name.
    pub(crate) node: String,
}

impl HubConfig {
    /// # Errors
    /// What is wrong with which option; never the URL, which may have a password.
    pub(crate) fn new(url: &str, key: String, node: String) -> Result<Self, String> {
        let redis = parse_url(url).map_err(|why| format!("--hub: {why}"))?;
        if key.is_empty() || key.len() > KEY_MAX_BYTES {
            return Err(format!("--hub-key: a key has 1 to {KEY_MAX_BYTES} bytes"));
        }
        let is_fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if node.is_empty() || node.len() > NAME_MAX_BYTES || !node.chars().all(is_fine) {
            return Err(format!(
                "--node: a node is named with 1 to {NAME_MAX_BYTES} of A-Z a-z 0-9 . _ -"
            ));
        }
        Ok(Self { redis, key, node })
    }

    /// The TCP port that is connected to.
    #[cfg(feature = "sandbox")]
    pub(crate) fn port(&self) -> Option<u16> {
        match self.redis.addr() {
            redis::ConnectionAddr::Tcp(_, port) => Some(*port),
            _ => None,
        }
    }

    /// What has whatever node has this name.
    pub(super) fn name_key(&self) -> String {
        format!("{}:node:{}", self.key, self.node)
    }

    /// What has a snapshot for the node of that name.
    pub(super) fn snapshot_key(&self, name: &str) -> String {
        format!("{}:snapshot:{name}", self.key)
    }

    /// Why there is no hub, in one line.
    pub(super) fn failure(&self, why: &str) -> CliError {
        CliError::runtime(format!("join the hub at {self}: {why}"))
    }
}

/// Where it is.
impl fmt::Display for HubConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.redis.addr())
    }
}

impl fmt::Debug for HubConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HubConfig({self}, {}, {})", self.key, self.node)
    }
}

fn parse_url(url: &str) -> Result<ConnectionInfo, String> {
    let form = "a hub is redis://[USER:PASSWORD@]HOST:PORT[/DB] or unix:///PATH";
    if ["rediss:", "valkeys:"].iter().any(|s| url.starts_with(s)) {
        return Err(format!("{form}; TLS to it is not known here"));
    }
    let is_unix = url.starts_with("unix:");
    if !is_unix && url.contains(['?', '#']) {
        return Err(format!("{form}; nothing comes after DB"));
    }
    let info = url.into_connection_info();
    // What the library says may have the password in it.
    let info = info.map_err(|_| form.to_owned())?;
    // The library's own name tells nobody anything, and costs two more answers.
    let redis = info.redis_settings().clone();
    let redis = redis.set_protocol(ProtocolVersion::RESP2);
    Ok(info
        .clone()
        .set_redis_settings(redis.set_skip_set_lib_name())
        .set_tcp_settings(TcpSettings::default().set_nodelay(true)))
}

/// A name that no other start has.
pub(super) fn new_boot() -> String {
    format!("{:016x}", random())
}

/// The keys of std's tables are random; no more is needed here.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> Result<HubConfig, String> {
        HubConfig::new(url, "chinwag".to_owned(), "a".to_owned())
    }

    #[test]
    fn urls_are_read_and_their_passwords_never_told() {
        let full = config("redis://ann:s%20cret@redis.example:6380/3").unwrap();
        assert_eq!(full.to_string(), "redis.example:6380");
        assert_eq!(full.redis.redis_settings().db(), 3);
        assert_eq!(full.redis.redis_settings().username(), Some("ann"));
        assert_eq!(full.redis.redis_settings().password(), Some("s cret"));
        let told = format!("{full:?} {full} {}", full.failure("x"));
        assert!(!told.contains("cret"), "{told}");
        assert_eq!(config("redis://h").unwrap().to_string(), "h:6379");
        config("unix:///run/redis.sock").unwrap();
        // No host of this scheme is put into Punycode, so that the tables for it are not missed.
        assert_eq!(config("redis://é").unwrap().to_string(), "%C3%A9:6379");
        for bad in [
            "",
            "secret",
            "http://u:secret@h:1",
            "rediss://u:secret@h:1",
            "redis://:secret@h:port",
            "redis://:secret@h:1/x",
            "redis://:secret@h:1/0?protocol=resp3",
            "redis://:secret@h:1/0#x",
        ] {
            let why = config(bad).unwrap_err();
            assert!(why.starts_with("--hub: a hub is redis://"), "{bad}: {why}");
            assert!(!why.contains("secret"), "{bad}: {why}");
        }
    }

    #[test]
    fn keys_and_names_have_bounds() {
        let new = |key: &str, node: &str| {
            HubConfig::new("redis://h", key.to_owned(), node.to_owned()).err()
        };
        assert_eq!(new("k", "web-1.example_2"), None);
        for (key, node) in [
            ("", "a"),
            (&"k".repeat(257) as &str, "a"),
            ("k", ""),
            ("k", "a b"),
            ("k", &"n".repeat(65)),
            ("k", "é"),
        ] {
            assert!(new(key, node).is_some(), "{key} {node}");
        }
    }
}
