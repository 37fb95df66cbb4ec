//! How many clients there are from each address. Unix sockets have none and are not counted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::addr::{Network, Peer};

/// Present clients by IP address; as many entries as there are addresses present.
#[derive(Debug, Default)]
pub(super) struct PerIpLimit {
    by_ip: HashMap<Network, usize>,
}

impl PerIpLimit {
    /// Counts a client in, unless `most` are here from its address.
    pub(super) fn try_add(&mut self, peer: &Peer, most: usize) -> bool {
        let Some(network) = Network::of(peer) else {
            return true;
        };
        let here = self.by_ip.entry(network).or_default();
        let may = *here < most;
        *here += usize::from(may);
        may
    }

    /// Counts a client out that was counted in.
    pub(super) fn remove(&mut self, peer: &Peer) {
        if let Some(network) = Network::of(peer)
            && let Entry::Occupied(mut here) = self.by_ip.entry(network)
        {
            *here.get_mut() -= 1;
            if *here.get() == 0 {
                here.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_leaves_nothing_behind() {
        let peer = |text: &str| Peer::Tcp(text.parse().unwrap());
        let mut limit = PerIpLimit::default();
        assert!(limit.try_add(&peer("10.0.0.1:1"), 2));
        assert!(limit.try_add(&peer("[::ffff:10.0.0.1]:2"), 2));
        assert!(!limit.try_add(&peer("10.0.0.1:3"), 2));
        assert!(limit.try_add(&peer("10.0.0.2:3"), 2));
        assert!(limit.try_add(&peer("[2001:db8::1]:1"), 1));
        assert!(!limit.try_add(&peer("[2001:db8::2]:1"), 1));
        assert!(limit.try_add(&peer("[2001:db8:0:1::1]:1"), 1));
        limit.remove(&peer("[2001:db8:0:1::9]:1"));
        limit.remove(&peer("[2001:db8::9]:1"));
        assert!((0..9).all(|_| limit.try_add(&Peer::Unix, 2)));
        limit.remove(&peer("10.0.0.1:1"));
        assert!(limit.try_add(&peer("10.0.0.1:4"), 2));
        for port in [2, 4] {
            limit.remove(&peer(&format!("10.0.0.1:{port}")));
        }
        limit.remove(&peer("10.0.0.2:3"));
        assert!(limit.by_ip.is_empty());
    }
}
