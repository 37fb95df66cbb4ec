//! The latencies as a HdrHistogram interval log, format 1.3: in microseconds, a line a second, each
//! a histogram in the V2 encoding. The usual viewers read it, and runs can be added up exactly.

use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;

use crate::bench::measure::histogram::Durations;
use crate::bench::report::json::PROGRAM;

/// A log that grows second by second.
#[derive(Debug)]
pub(crate) struct HdrLog {
    text: Vec<u8>,
}

impl HdrLog {
    /// The log of a run whose measured time begins about now.
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now_s = now.unwrap_or_default().as_secs_f64();
        let text = format!(
            "#[Logged with {PROGRAM}; values in microseconds]\n\
             #[Histogram log format version 1.3]\n\
             #[StartTime: {now_s:.3} (seconds since epoch)]\n\
             \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\
             \"Interval_Compressed_Histogram\"\n"
        );
        Self {
            text: text.into_bytes(),
        }
    }

    /// Adds a line: what arrived from `from_ns` on, for `length_ns`.
    pub(crate) fn add(&mut self, from_ns: u64, length_ns: u64, latency: &Durations) {
        if latency.count() == 0 {
            return;
        }
        let (from, length) = (
            Duration::from_nanos(from_ns),
            Duration::from_nanos(length_ns),
        );
        let mut serializer = V2DeflateSerializer::new();
        let builder = IntervalLogWriterBuilder::new();
        // Writing to memory does not fail, and neither do these bounds.
        if let Ok(mut writer) = builder.begin_log_with(&mut self.text, &mut serializer) {
            let _ = writer.write_histogram(&latency.in_us(), from, length, None);
        }
    }

    /// The whole log.
    pub(crate) fn into_text(self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    #[test]
    fn what_is_written_is_read_by_others() {
        let mut log = HdrLog::new();
        for second in 0..3 {
            let mut latency = Durations::default();
            (1..=1_000).for_each(|us| latency.record(us * 1_000 * (second + 1)));
            log.add(second * 1_000_000_000, 1_000_000_000, &latency);
        }
        log.add(3_000_000_000, 0, &Durations::default());
        let text = log.into_text();
        assert!(text.starts_with("#[Logged with chinwag"), "{text}");
        assert!(text.contains("\n#[Histogram log format version 1.3]\n"));
        let header = "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",";
        let rows: Vec<&str> = text
            .lines()
            .skip_while(|l| !l.starts_with(header))
            .collect();
        assert_eq!(rows.len(), 4);
        assert!(rows[2].starts_with("1.000,1.000,"), "{}", rows[2]);
        // The library's reader knows no legend.
        let plain: Vec<&str> = text.lines().filter(|l| !l.starts_with('"')).collect();
        let plain = format!("{}\n", plain.join("\n"));
        let mut count = 0;
        for entry in IntervalLogIterator::new(plain.as_bytes()) {
            if let Ok(LogEntry::Interval(interval)) = entry {
                use base64::Engine as _;
                let encoded = interval.encoded_histogram();
                let bytes = base64::engine::general_purpose::STANDARD.decode(encoded);
                let read: hdrhistogram::Histogram<u64> = Deserializer::new()
                    .deserialize(&mut bytes.unwrap().as_slice())
                    .unwrap();
                count += read.len();
            }
        }
        assert_eq!(count, 3_000);
    }
}
