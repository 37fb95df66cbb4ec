//! How many clients there are from each address. Unix sockets have none and are not counted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use crate::addr::Peer;

/// Present clients by IP address; as many entries as there are addresses present.
#[derive(Debug, Default)]
pub(super) struct Guests {
    by_ip: HashMap<IpAddr, usize>,
}

impl Guests {
    /// Counts a client in, unless `most` are here from its address.
    pub(super) fn admit(&mut self, peer: &Peer, most: usize) -> bool {
        let Peer::Tcp(address) = peer else {
            return true;
        };
        // A dual-stack listener shows an IPv4 client as ::ffff:a.b.c.d.
        let here = self.by_ip.entry(address.ip().to_canonical()).or_default();
        let may = *here < most;
        *here += usize::from(may);
        may
    }

    /// Counts a client out that was counted in.
    pub(super) fn leave(&mut self, peer: &Peer) {
        if let Peer::Tcp(address) = peer
            && let Entry::Occupied(mut here) = self.by_ip.entry(address.ip().to_canonical())
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
        let mut guests = Guests::default();
        assert!(guests.admit(&peer("10.0.0.1:1"), 2));
        assert!(guests.admit(&peer("[::ffff:10.0.0.1]:2"), 2));
        assert!(!guests.admit(&peer("10.0.0.1:3"), 2));
        assert!(guests.admit(&peer("10.0.0.2:3"), 2));
        assert!((0..9).all(|_| guests.admit(&Peer::Unix, 2)));
        guests.leave(&peer("10.0.0.1:1"));
        assert!(guests.admit(&peer("10.0.0.1:4"), 2));
        for port in [2, 4] {
            guests.leave(&peer(&format!("10.0.0.1:{port}")));
        }
        guests.leave(&peer("10.0.0.2:3"));
        assert!(guests.by_ip.is_empty());
    }
}
