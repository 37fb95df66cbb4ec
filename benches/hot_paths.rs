//! What a message costs above the system calls: cutting it out of a stream, storing what is
//! owed, handing it to a thousand sinks; and what the load engine takes to check one.
//! `cargo bench --bench hot_paths`.

#![allow(missing_docs, reason = "the macros of criterion document nothing")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Duration;

use chinwag::bench::hot_path;
use chinwag::outbound::{Outbox, Sent, SharedLog};
use chinwag::wire::{Decoder, Framing};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const LINE_BYTES: usize = 100;
const MAX_MESSAGE_BYTES: usize = 1024;
const MEMBERS: usize = 1_000;

/// Takes everything and costs nothing.
struct Sink(u64);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += black_box(bytes).len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn line() -> Vec<u8> {
    let mut line = vec![b'x'; LINE_BYTES - 1];
    line.push(b'\n');
    line
}

/// 64 KiB of lines, as one read may bring them, whole and with a tail over each cut.
fn decoding(criterion: &mut Criterion) {
    let stream = line().repeat(640);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(640));
    for (name, framing, cut) in [
        ("lines, one read", Framing::Line, stream.len()),
        ("lines, reads of 1460", Framing::Line, 1460),
        ("chunks, one read", Framing::Chunk, stream.len()),
    ] {
        group.bench_function(name, |bencher| {
            let mut decoder = Decoder::new(framing);
            bencher.iter(|| {
                for piece in stream.chunks(cut) {
                    let mut input = piece;
                    decoder.on_read(input);
                    while let Some(decoded) = decoder.next(&mut input, MAX_MESSAGE_BYTES) {
                        black_box(decoded);
                    }
                }
            });
        });
    }
    group.finish();
}

/// One private message, stored and sent.
fn outbox(criterion: &mut Criterion) {
    let (log, line) = (SharedLog::new(1 << 20), line());
    let mut group = criterion.benchmark_group("outbox");
    group.throughput(Throughput::Elements(1));
    group.bench_function("send and flush 100 bytes", |bencher| {
        let (mut outbox, mut sink) = (Outbox::default(), Sink(0));
        let mut sent = Sent::default();
        bencher.iter(|| {
            outbox.send(&log, &line);
            outbox.flush(&log, &mut sink, &mut sent)
        });
    });
    group.finish();
}

/// What a room's turn does: some lines into the log, then every member gets all of them.
fn fan_out(criterion: &mut Criterion) {
    let line = line();
    let mut group = criterion.benchmark_group("fan-out to 1,000 sinks");
    for lines in [1, 10, 100] {
        group.throughput(Throughput::Elements((lines * MEMBERS) as u64));
        group.bench_function(format!("{lines} lines a turn"), |bencher| {
            let mut log = SharedLog::new(1 << 20);
            let mut outboxes: Vec<Outbox> = (0..MEMBERS).map(|_| Outbox::default()).collect();
            for outbox in &mut outboxes {
                outbox.follow(log.end());
            }
            let (mut sink, mut sent) = (Sink(0), Sent::default());
            bencher.iter(|| {
                for sender in outboxes.iter_mut().take(lines) {
                    let said = log.append(&[b"guest1: ", &line]).unwrap();
                    sender.skip(&said);
                }
                for outbox in &mut outboxes {
                    black_box(outbox.flush(&log, &mut sink, &mut sent));
                }
            });
        });
    }
    group.finish();
}

/// The load engine's side: deliveries as they come merged, each one read, checked and entered.
fn checking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load engine");
    group.throughput(Throughput::Elements(hot_path::DELIVERIES));
    group.bench_function("check 1,000 merged deliveries", |bencher| {
        let mut receiving = hot_path::Receiving::new();
        bencher.iter(|| receiving.round());
    });
    group.finish();
}

criterion_group! {
    name = hot_paths;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30);
    targets = decoding, outbox, fan_out, checking
}
criterion_main!(hot_paths);
