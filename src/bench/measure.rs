//! Measures: latencies, the processes' use of the machine, and whether either can be relied on.

pub(crate) mod calibrate;
pub(crate) mod collector;
pub(crate) mod condition;
pub(crate) mod histogram;
pub(crate) mod metrics;
pub(crate) mod process;
pub(crate) mod recorder;
pub(crate) mod statistics;
pub(crate) mod timeline;
pub(crate) mod verdict;
