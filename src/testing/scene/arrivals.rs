//! How clients come to a scene: by which listener, from where, inside TLS or not.

use super::super::sim::link::Link;
use super::{Client, Scene};
use crate::addr::{Peer, Proto};
use crate::tls::fixed::Pair;

impl Scene {
    /// With a certificate.
    pub(crate) fn with_tls(mut self) -> Self {
        let tls = Pair::new().expect("TLS is built in");
        self.server.engine.set_tls(tls.server());
        self.tls = Some(tls);
        self
    }

    /// Behind a proxy, which says first where each client comes from.
    pub(crate) fn with_proxy(mut self) -> Self {
        self.server.engine.expect_proxy();
        self
    }

    pub(crate) fn joins(&mut self, name: &str) {
        self.joins_by(name, Proto::Lines);
    }

    /// By a listener of `proto`, and inside TLS if that is spoken there.
    pub(crate) fn joins_by(&mut self, name: &str, proto: Proto) {
        self.connects(name, proto, None, proto.is_tls());
    }

    /// Inside TLS, whatever else is spoken there.
    pub(crate) fn joins_in_tls(&mut self, name: &str, proto: Proto) {
        self.connects(name, proto, None, true);
    }

    /// From an address that nobody else has.
    pub(crate) fn joins_from(&mut self, name: &str, address: Peer) {
        self.connects(name, Proto::Lines, Some(address), false);
    }

    /// Through a proxy, which will say that it comes from `address`.
    pub(crate) fn joins_by_proxy(&mut self, name: &str, proto: Proto, address: Peer) {
        self.connects(name, proto, None, false);
        let id = self.id(name);
        self.server.network.borrow_mut().set_address(id, address);
    }

    /// Through a proxy, which has said so in `header`; and then inside TLS.
    pub(crate) fn joins_by_proxy_in_tls(
        &mut self,
        name: &str,
        proto: Proto,
        address: Peer,
        header: &str,
    ) {
        self.joins_by_proxy(name, proto, address);
        self.sends(name, header);
        let id = self.id(name);
        let tls = self.tls.as_ref().map(|tls| tls.connect(false));
        let mut network = self.server.network.borrow_mut();
        self.clients[id].link = Link::new(id, tls);
        self.clients[id].read(&mut network);
        drop(network);
        self.settle();
    }

    fn connects(&mut self, name: &str, proto: Proto, from: Option<Peer>, is_tls: bool) {
        let listener = self.listener(proto);
        let mut network = self.server.network.borrow_mut();
        let from = from.unwrap_or_else(|| network.next_address());
        let id = network.connect(listener, from);
        let tls = is_tls.then(|| self.tls.as_ref().expect("there is TLS").connect(false));
        let mut client = Client::new(Link::new(id, tls));
        client.read(&mut network);
        drop(network);
        self.clients.push(client);
        self.by_name.insert(name.to_owned(), id);
        self.settle();
    }

    fn listener(&mut self, proto: Proto) -> usize {
        if let Some((_, known)) = self.listeners.iter().find(|(known, _)| *known == proto) {
            return *known;
        }
        let listener = self.server.listen(self.service_id, proto);
        self.listeners.push((proto, listener));
        listener
    }
}
