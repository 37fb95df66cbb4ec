//! Whom operators have banned: names, addresses, and until when. Knows no members.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::nick;
use crate::addr::Network;

/// There are at most so many bans, inclusive.
pub const MAX_BANS: usize = 1000;

/// One ban: of a name, of an address, or of both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ban {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<Network>,
    /// In milliseconds of Unix time; `None`: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until_ms: Option<u64>,
}

/// As it is spelled, and what others are compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Name {
    spelled: Box<str>,
    forms: [Box<str>; 2],
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match nick::parse(&name) {
            Ok(name) => Ok(Self::of(&name)),
            Err(why) => Err(format!("{name:?} is no name: {why}")),
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.spelled.into()
    }
}

impl Name {
    fn of(name: &str) -> Self {
        Self {
            spelled: name.into(),
            forms: nick::forms(name),
        }
    }

    fn is_any_of(&self, forms: &[Box<str>; 2]) -> bool {
        self.forms.iter().any(|form| forms.contains(form))
    }
}

impl Ban {
    pub(super) fn new(name: Option<&str>, address: Option<Network>, until_ms: Option<u64>) -> Self {
        Self {
            name: name.map(Name::of),
            address,
            until_ms,
        }
    }

    fn is_of_name(&self, forms: &[Box<str>; 2]) -> bool {
        let name = self.name.as_ref();
        name.is_some_and(|name| name.is_any_of(forms))
    }

    fn is_over(&self, now_ms: u64) -> bool {
        self.until_ms.is_some_and(|until_ms| until_ms <= now_ms)
    }
}

impl fmt::Display for Ban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_ref().map(|name| &*name.spelled);
        match (name, self.address) {
            (Some(name), Some(address)) => write!(f, "{name} ({address})"),
            (Some(name), None) => f.write_str(name),
            (None, Some(address)) => write!(f, "{address}"),
            (None, None) => f.write_str("nobody"),
        }
    }
}

/// Is shown all bans whenever they have changed.
pub type Watch = Box<dyn FnMut(&[Ban])>;

#[derive(Default)]
struct Watcher(Option<Watch>);

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Bans {
    all: Vec<Ban>,
    #[serde(skip)]
    watcher: Watcher,
}

impl Bans {
    /// Whoever watches `others` watches these from here on, and is shown them: the process that had
    /// them may not have written all.
    pub(super) fn be_watched_as(&mut self, others: Self) {
        self.watcher = others.watcher;
        self.show();
    }

    /// Those of another node, in place of these. Its clock may differ, and both are told: each has
    /// left here what it has left there.
    pub(super) fn replace(&mut self, others: Self, their_now_ms: u64, now_ms: u64) {
        self.all = others.all;
        for until_ms in self.all.iter_mut().filter_map(|ban| ban.until_ms.as_mut()) {
            *until_ms = now_ms.saturating_add(until_ms.saturating_sub(their_now_ms));
        }
        self.show();
    }

    /// Those of before; `watch` is shown all when they change.
    pub(super) fn restored(all: Vec<Ban>, watch: Watch) -> Self {
        Self {
            all,
            watcher: Watcher(Some(watch)),
        }
    }

    /// Adds a ban, in the place of one of just the same; `false`: there are as many as there may
    /// be.
    pub(super) fn add(&mut self, now_ms: u64, ban: Ban) -> bool {
        let of = |ban: &Ban| (ban.name.clone().map(|name| name.forms), ban.address);
        let new = of(&ban);
        self.all
            .retain(|other| !other.is_over(now_ms) && of(other) != new);
        let has_room = self.all.len() < MAX_BANS;
        if has_room {
            self.all.push(ban);
            self.show();
        }
        has_room
    }

    /// Ends all bans of that name or address; returns how many.
    pub(super) fn lift(&mut self, now_ms: u64, whom: &str) -> usize {
        self.drop_over(now_ms);
        let count = self.all.len();
        let address = Network::parse(whom);
        let forms = forms(whom);
        self.all.retain(|ban| {
            let is_of_address = address.is_some() && ban.address == address;
            let is_of_name = forms.as_ref().is_some_and(|forms| ban.is_of_name(forms));
            !is_of_address && !is_of_name
        });
        let lifted = count - self.all.len();
        if lifted > 0 {
            self.show();
        }
        lifted
    }

    /// Those that are not over, the oldest first, each with how many seconds it has left.
    pub(super) fn list(&mut self, now_ms: u64) -> impl Iterator<Item = (&Ban, Option<u64>)> {
        self.drop_over(now_ms);
        let left = move |until_ms: u64| (until_ms - now_ms).div_ceil(1000);
        self.all
            .iter()
            .map(move |ban| (ban, ban.until_ms.map(left)))
    }

    pub(super) fn has_address(&self, now_ms: u64, address: Network) -> bool {
        let is_it = |ban: &Ban| ban.address == Some(address) && !ban.is_over(now_ms);
        self.all.iter().any(is_it)
    }

    pub(super) fn has_name(&self, now_ms: u64, name: &str) -> bool {
        // Mostly there are none, and no name is looked at.
        !self.all.is_empty()
            && forms(name).is_some_and(|forms| {
                let is_it = |ban: &Ban| ban.is_of_name(&forms) && !ban.is_over(now_ms);
                self.all.iter().any(is_it)
            })
    }

    fn drop_over(&mut self, now_ms: u64) {
        self.all.retain(|ban| !ban.is_over(now_ms));
    }

    fn show(&mut self) {
        if let Some(watch) = &mut self.watcher.0 {
            watch(&self.all);
        }
    }
}

/// `None`: far longer than any name.
fn forms(name: &str) -> Option<[Box<str>; 2]> {
    (name.len() <= nick::MAX_SPELLED_BYTES).then(|| nick::forms(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_is_of_all_that_look_like_it_until_its_time() {
        let network = |text| Network::parse(text).unwrap();
        let mut bans = Bans::default();
        let address = Network::parse("2001:db8::7");
        assert!(bans.add(0, Ban::new(Some("Ann"), address, Some(5000))));
        assert!(bans.add(0, Ban::new(None, Network::parse("10.0.0.1"), None)));
        for name in ["ann", "ANN", "\u{430}nn"] {
            assert!(bans.has_name(4999, name) && !bans.has_name(5000, name));
        }
        assert!(!bans.has_name(0, "anna") && !bans.has_name(0, ""));
        for (address, is_banned) in [
            ("2001:db8::8", true),
            ("2001:db8:0:1::7", false),
            ("::ffff:10.0.0.1", true),
            ("10.0.0.2", false),
        ] {
            assert_eq!(
                bans.has_address(0, network(address)),
                is_banned,
                "{address}"
            );
        }
        let told: Vec<String> = bans
            .list(1)
            .map(|(ban, left)| format!("{ban} {left:?}"))
            .collect();
        assert_eq!(told, ["Ann (2001:db8::/64) Some(5)", "10.0.0.1 None"]);
        assert_eq!(bans.lift(1, "2001:db8::/64"), 1);
        assert_eq!((bans.lift(1, "ann"), bans.lift(1, "10.0.0.1")), (0, 1));
    }

    #[test]
    fn there_are_so_many_bans_and_no_more() {
        let mut bans = Bans::default();
        for number in 0..MAX_BANS {
            let name = format!("x{number}");
            assert!(bans.add(0, Ban::new(Some(&name), None, Some(1000))));
        }
        // The same again is no further one.
        assert!(bans.add(0, Ban::new(Some("X7"), None, Some(1000))));
        assert!(!bans.add(999, Ban::new(Some("y"), None, None)));
        assert!(bans.add(1000, Ban::new(Some("y"), None, None)));
        assert_eq!(bans.list(1000).count(), 1);
        assert!(!bans.has_name(1000, &"y".repeat(1 << 20)));
    }

    #[test]
    fn who_watches_is_shown_what_changes() {
        let shown = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let watch = {
            let shown = shown.clone();
            move |all: &[Ban]| shown.borrow_mut().push(serde_json::to_string(all).unwrap())
        };
        let old: Vec<Ban> = serde_json::from_str(r#"[{"name":"eve"}]"#).unwrap();
        let mut bans = Bans::restored(old, Box::new(watch));
        assert!(bans.has_name(0, "EVE"));
        let address = Network::parse("2001:db8::7");
        assert!(bans.add(0, Ban::new(Some("Ann"), address, Some(5))));
        assert_eq!(bans.lift(1, "nobody"), 0);
        assert_eq!(bans.lift(1, "eve"), 1);
        let ann = r#"{"name":"Ann","address":"2001:db8::/64","until_ms":5}"#;
        let expected = [format!(r#"[{{"name":"eve"}},{ann}]"#), format!("[{ann}]")];
        assert_eq!(*shown.borrow(), expected);
        for bad in [
            r#"[{"name":"a b"}]"#,
            r#"[{"address":"10.0.0"}]"#,
            r#"[{"nick":"ann"}]"#,
        ] {
            assert!(serde_json::from_str::<Vec<Ban>>(bad).is_err(), "{bad}");
        }
    }
}
