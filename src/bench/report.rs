//! Tells what came of a run: as a table, as JSON, as a page, and beside other runs.

pub(crate) mod compare;
pub(crate) mod hdr;
pub(crate) mod json;
pub(crate) mod live;
mod metric_table;
pub(crate) mod output;
pub(crate) mod paired;
pub(crate) mod plot;
pub(crate) mod series;
pub(crate) mod table;
