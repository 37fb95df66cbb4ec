//! What the fuzzers found, replayed by `cargo test`: the seeds and regressions as files, all the
//! rest in one file a target, so that the tree stays small enough to read.
//!
//! A packed file is a row of inputs, each after its length as two bytes, most significant first.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::panic::catch_unwind;
use std::path::PathBuf;

use super::{TARGETS, Target};

/// All packed files together. Inputs that find nothing new go (`cargo fuzz cmin`) before this grows.
const MAX_PACKED_BYTES: usize = 300_000;

fn folder(kind: &str, target: &str) -> PathBuf {
    let fuzz = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    fuzz.join(kind).join(target)
}

/// The files in `fuzz/KIND/TARGET`, each with its name; none if there is no such folder.
fn files(kind: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder(kind, target)).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| (path.display().to_string(), fs::read(path).unwrap());
    paths.filter(|path| path.is_file()).map(read).collect()
}

fn packed_path(target: &str) -> PathBuf {
    folder("packed", &format!("{target}.bin"))
}

/// The packed inputs of a target; none if it has no file.
fn packed(target: &str) -> Vec<Vec<u8>> {
    let packed = fs::read(packed_path(target)).unwrap_or_default();
    let (mut rest, mut inputs) = (packed.as_slice(), Vec::new());
    while let Some((length, after)) = rest.split_first_chunk() {
        let (input, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
        inputs.push(input.to_vec());
        rest = after;
    }
    assert!(rest.is_empty(), "{target}: a packed file ends in a length");
    inputs
}

fn pack_together(inputs: &[Vec<u8>]) -> Vec<u8> {
    let mut packed = Vec::new();
    for input in inputs {
        let length = u16::try_from(input.len()).expect("inputs of up to 64 KiB");
        packed.extend(length.to_be_bytes());
        packed.extend(input);
    }
    packed
}

/// Says that a test did not run; fails it where every test has to.
fn skipped(what: &str) {
    // Not `eprintln!`: the test harness would keep it to itself.
    writeln!(std::io::stderr(), "SKIPPED {what}").unwrap();
    assert!(
        std::env::var_os("CHINWAG_REQUIRE_ALL").is_none(),
        "skipped: {what}"
    );
}

fn replay((name, check): &Target) {
    let mut inputs = files("seeds", name);
    inputs.extend(files("regressions", name));
    let numbered = packed(name).into_iter().enumerate();
    inputs.extend(numbered.map(|(at, input)| (format!("{name}.bin, number {at}"), input)));
    if inputs.is_empty() {
        skipped(&format!("fuzz target {name}: it has no inputs here"));
    }
    for (path, input) in inputs {
        assert!(catch_unwind(|| check(&input)).is_ok(), "{path}: {input:?}");
    }
}

#[test]
fn what_the_fuzzers_found_still_holds() {
    TARGETS.iter().for_each(replay);
}

#[test]
fn what_is_packed_is_what_is_unpacked() {
    let inputs = [vec![], b"\x00\x05".to_vec(), vec![7; 0x0102]];
    assert!(pack_together(&inputs).starts_with(b"\0\0\0\x02\0\x05\x01\x02\x07"));
    let sizes = TARGETS.iter().map(|(name, _)| {
        let packed = pack_together(&packed(name));
        assert_eq!(packed, fs::read(packed_path(name)).unwrap_or_default());
        packed.len()
    });
    assert!(sizes.sum::<usize>() <= MAX_PACKED_BYTES);
}

#[test]
#[ignore = "a tool: fuzz/corpus/TARGET/* -> fuzz/packed/TARGET.bin"]
fn pack() {
    for (name, _) in TARGETS {
        let found = files("corpus", name);
        if found.is_empty() {
            continue;
        }
        let found = found.into_iter().map(|(_, input)| (input.len(), input));
        let sorted: BTreeSet<_> = found.collect();
        let inputs: Vec<_> = sorted.into_iter().map(|(_, input)| input).collect();
        fs::create_dir_all(folder("packed", "")).unwrap();
        fs::write(packed_path(name), pack_together(&inputs)).unwrap();
    }
}

#[test]
#[ignore = "a tool: fuzz/packed/TARGET.bin, seeds and regressions -> fuzz/corpus/TARGET/*"]
fn unpack() {
    for (name, _) in TARGETS {
        let mut inputs = packed(name);
        for kind in ["seeds", "regressions"] {
            inputs.extend(files(kind, name).into_iter().map(|(_, input)| input));
        }
        let corpus = folder("corpus", name);
        fs::create_dir_all(&corpus).unwrap();
        for (at, input) in inputs.iter().enumerate() {
            fs::write(corpus.join(format!("{at:05}")), input).unwrap();
        }
    }
}
