//! How many clients there are from each address. Unix sockets have none and are not counted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};

use crate::addr::Peer;

/// Present clients by IP address; as many entries as there are addresses present.
#[derive(Debug, Default)]
pub(super) struct PerIpLimit {
    by_ip: HashMap<IpAddr, usize>,
}

impl PerIpLimit {
    /// Counts a client in, unless `most` are here from its address.
    pub(super) fn try_add(&mut self, peer: &Peer, most: usize) -> bool {
        let Peer::Tcp(address) = peer else {
            return true;
        };
        let here = self.by_ip.entry(prefix_of(address.ip())).or_default();
        let may = *here < most;
        *here += usize::from(may);
        may
    }

    /// Counts a client out that was counted in.
    pub(super) fn remove(&mut self, peer: &Peer) {
        if let Peer::Tcp(address) = peer
            && let Entry::Occupied(mut here) = self.by_ip.entry(prefix_of(address.ip()))
        {
            *here.get_mut() -= 1;
            if *here.get() == 0 {
                here.remove();
            }
        }
    }
}

/// The addresses that count as one. One IPv6 client has at least 2^64 addresses to choose from: a
/// /64 is what a subscriber gets. A dual-stack listener shows an IPv4 client as ::ffff:a.b.c.d.
fn prefix_of(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        v4 => v4,
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
