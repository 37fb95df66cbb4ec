//! The oracle of a service that another process goes on with.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{ClientId, Oracle, Service};

#[derive(Serialize, Deserialize)]
struct Saved {
    sockets: HashMap<ClientId, usize>,
    present: Vec<usize>,
    guests: usize,
    inner: Vec<u8>,
}

impl<S: Service> Oracle<S> {
    pub(super) fn to_bytes(&self) -> Option<Result<Vec<u8>, String>> {
        let saved = self.inner.save()?.and_then(|inner| {
            let saved = Saved {
                sockets: self.sockets.clone(),
                present: self.present.clone(),
                guests: self.guests,
                inner,
            };
            rmp_serde::to_vec_named(&saved).map_err(|error| error.to_string())
        });
        Some(saved)
    }

    pub(super) fn of_bytes(&mut self, saved: &[u8]) -> Result<(), String> {
        let saved: Saved = rmp_serde::from_slice(saved).map_err(|error| error.to_string())?;
        (self.sockets, self.present) = (saved.sockets, saved.present);
        self.guests = saved.guests;
        self.inner.restore(&saved.inner)
    }
}
