//! What was done of what nodes have said, so that nothing is done twice; and what was done last, in
//! case the hub loses it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::packet::Deed;
use crate::hub::EntryId;

/// Of a node's starts and beginnings anew so many are known, inclusive: those before have nothing
/// under way any more.
const MAX_BOOTS: usize = 8;

/// What was done last, so many bytes: an `everysec` Redis loses a second.
const MAX_RECENT_BYTES: usize = 1 << 20;

/// By node and boot, the counter of what was done last.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Heard(HashMap<Box<str>, BTreeMap<u64, u64>>);

impl Heard {
    /// Whether this was never done; from here on it was.
    pub(super) fn is_new(&mut self, node: &str, boot: u64, counter: u64) -> bool {
        let Some(boots) = self.0.get_mut(node) else {
            self.0
                .insert(node.into(), BTreeMap::from([(boot, counter)]));
            return true;
        };
        if boots.get(&boot).is_some_and(|last| *last >= counter) {
            return false;
        }
        boots.insert(boot, counter);
        if boots.len() > MAX_BOOTS {
            boots.pop_first();
        }
        true
    }

    /// Was done here as well.
    pub(super) fn add(&mut self, others: Self) {
        for (node, boots) in others.0 {
            for (boot, counter) in boots {
                self.is_new(&node, boot, counter);
            }
        }
    }
}

/// What was done last, in its order.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Recent {
    deeds: VecDeque<Deed>,
    bytes: usize,
}

impl Recent {
    pub(super) fn push(&mut self, deed: Deed) {
        self.bytes += deed.op.bytes();
        self.deeds.push_back(deed);
        while self.bytes > MAX_RECENT_BYTES
            && let Some(oldest) = self.deeds.pop_front()
        {
            self.bytes -= oldest.op.bytes();
        }
    }

    /// What was behind this one in the stream.
    pub(super) fn behind(&self, id: EntryId) -> impl Iterator<Item = &Deed> {
        self.deeds.iter().filter(move |deed| deed.id > Some(id))
    }
}
