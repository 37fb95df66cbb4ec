//! The thread that writes, on a disk that is full, stuck or changed under it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::queue::{Queue, Sync};
use super::writer::{self, Writer};
use crate::protocol::{Kind, Record, Said, Stamp, read_record};
use crate::testing::seeds::for_each_seed;

mod disk;

use disk::Disk;

const PATIENCE: Duration = Duration::from_secs(15);

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A transcript on a disk with so many bytes free.
struct Scene {
    disk: Disk,
    queue: Arc<Queue>,
    said: u64,
}

impl Scene {
    fn new(free: usize) -> Self {
        Self::on(Disk::default(), free)
    }

    fn on(disk: Disk, free: usize) -> Self {
        disk.state().free = free;
        let file = writer::Place::open(&disk, None).unwrap().unwrap();
        let queue = Arc::<Queue>::default();
        let name = "t.jsonl".to_owned();
        let writer = Writer::new(name, disk.clone(), file, Arc::clone(&queue));
        thread::spawn(move || writer.run());
        Self {
            disk,
            queue,
            said: 0,
        }
    }

    /// Says the next number, and so many bytes with it.
    fn says(&mut self, bytes: usize) {
        self.said += 1;
        let stamp = Stamp {
            id: self.said,
            time_ms: 0,
        };
        self.queue.push(&Said {
            stamp,
            kind: Kind::Say,
            room: "lobby",
            from: "ann",
            text: &"x".repeat(bytes),
        });
    }

    fn releases(&self, patience: Duration) -> Result<(), String> {
        self.queue.release(patience, Sync::Now)
    }

    fn has(&self, file: u32, count: usize) {
        let what = format!("{count} lines in file {file}");
        until(&what, || lines(&self.disk.text(file)).len() == count);
    }
}

/// The ids of whole lines, and how many are said to be missing between them.
#[track_caller]
fn lines(text: &str) -> Vec<Line> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.split_terminator('\n');
    let read = lines.map(|line| match read_record(line.as_bytes()) {
        Some(Record::Said(spoken)) => Line::Id(spoken.id.unwrap()),
        Some(Record::Gap) => {
            let count = line.strip_prefix("{\"type\":\"gap\",\"lines\":").unwrap();
            Line::Missing(count.trim_end_matches('}').parse().unwrap())
        }
        None => Line::Foreign,
    });
    read.collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Id(u64),
    Missing(u64),
    Foreign,
}

/// That each line up to `last` is there once, in order, or counted where it would be.
#[track_caller]
fn is_complete(lines: &[Line], last: u64) {
    let mut before = 0;
    for line in lines {
        match line {
            Line::Id(id) => {
                assert_eq!(*id, before + 1);
                before = *id;
            }
            Line::Missing(count) => before += count,
            Line::Foreign => panic!("a line is torn"),
        }
    }
    assert_eq!(before, last);
}

#[test]
fn what_is_said_is_written_in_order_and_synced_within_a_second_or_so() {
    let mut scene = Scene::new(usize::MAX);
    for _ in 0..100 {
        scene.says(10);
    }
    scene.has(0, 100);
    is_complete(&lines(&scene.disk.text(0)), 100);
    until("it is synced", || scene.disk.is_synced());
}

#[test]
fn a_full_disk_tears_no_line_and_what_waits_is_written_later() {
    let mut scene = Scene::new(250);
    for _ in 0..10 {
        scene.says(10);
    }
    until("it is full", || scene.disk.state().free == 0);
    assert_eq!(lines(&scene.disk.text(0)).len(), 2);
    scene.says(10);
    scene.disk.state().free = 300;
    until("it is full again", || scene.disk.state().free == 0);
    scene.disk.state().free = usize::MAX;
    scene.has(0, 11);
    is_complete(&lines(&scene.disk.text(0)), 11);
}

#[test]
fn a_stuck_disk_leaves_a_gap_where_the_lines_would_be() {
    let mut scene = Scene::new(usize::MAX);
    scene.says(10);
    scene.has(0, 1);
    scene.disk.state().is_stuck = true;
    // Twice as many as are kept: those that are being written, and those that wait.
    for _ in 0..400 {
        scene.says(64 << 10);
    }
    scene.disk.state().is_stuck = false;
    until("all is written", || {
        lines(&scene.disk.text(0))
            .iter()
            .any(|line| matches!(line, Line::Missing(_)))
    });
    scene.says(10);
    scene.says(10);
    until("the last one", || {
        lines(&scene.disk.text(0)).ends_with(&[Line::Id(402), Line::Id(403)])
    });
    let lines = lines(&scene.disk.text(0));
    is_complete(&lines, 403);
    let kept = lines.len();
    assert!((100..300).contains(&kept), "{kept}");
}

#[test]
fn a_file_that_is_moved_away_keeps_whole_lines_and_the_new_one_has_the_rest() {
    let mut scene = Scene::new(250);
    for _ in 0..10 {
        scene.says(10);
    }
    until("it is full", || scene.disk.state().free == 0);
    assert!(!scene.disk.text(0).ends_with('\n'));
    scene.queue.reopen();
    scene.disk.rotate();
    scene.disk.state().free = usize::MAX;
    scene.queue.reopen();
    scene.says(10);
    scene.has(1, 9);
    assert!(scene.disk.text(0).ends_with('\n'), "{}", scene.disk.text(0));
    is_complete(&lines(&(scene.disk.text(0) + &scene.disk.text(1))), 11);
    assert_eq!(scene.disk.state().locked, 1);
}

#[test]
fn a_file_that_cannot_be_opened_anew_leaves_the_old_one() {
    let mut scene = Scene::new(usize::MAX);
    scene.says(10);
    scene.has(0, 1);
    scene.disk.rotate();
    scene.disk.state().is_closed = true;
    scene.queue.reopen();
    scene.says(10);
    scene.has(0, 2);
    scene.disk.state().is_closed = false;
    scene.queue.reopen();
    scene.says(10);
    scene.has(1, 1);
    is_complete(&lines(&(scene.disk.text(0) + &scene.disk.text(1))), 3);
}

#[test]
fn behind_a_torn_line_the_next_one_begins_a_line() {
    let disk = Disk::default();
    disk.state()
        .files
        .insert(0, b"{\"type\":\"say\",\"ti".to_vec());
    let mut scene = Scene::on(disk, usize::MAX);
    scene.says(10);
    scene.has(0, 2);
    assert_eq!(lines(&scene.disk.text(0)), [Line::Foreign, Line::Id(1)]);
}

#[test]
fn a_released_file_is_complete_and_locked_again_for_what_is_said_then() {
    let mut scene = Scene::new(usize::MAX);
    for _ in 0..50 {
        scene.says(10);
    }
    assert_eq!(scene.releases(PATIENCE), Ok(()));
    is_complete(&lines(&scene.disk.text(0)), 50);
    assert!(scene.disk.is_synced());
    assert_eq!(scene.disk.state().locked, 0);
    // The other process has it still.
    scene.disk.state().is_closed = true;
    scene.says(10);
    thread::sleep(Duration::from_millis(30));
    scene.says(10);
    scene.disk.state().is_closed = false;
    scene.has(0, 52);
    is_complete(&lines(&scene.disk.text(0)), 52);
    assert_eq!(scene.releases(PATIENCE), Ok(()));
    scene.queue.resume();
    until("it is locked", || scene.disk.state().locked == 1);
}

#[test]
fn what_does_not_end_in_time_is_not_let_go() {
    let mut scene = Scene::new(usize::MAX);
    scene.disk.state().is_stuck = true;
    scene.says(10);
    let short = Duration::from_millis(50);
    let why = scene.releases(short).unwrap_err();
    assert_eq!(why, "the disk does not take it");
    scene.disk.state().is_stuck = false;
    scene.says(10);
    scene.has(0, 2);
    scene.disk.state().free = 0;
    scene.says(10);
    let why = scene.releases(PATIENCE).unwrap_err();
    assert!(why.contains("no storage space"), "{why}");
    scene.disk.state().free = usize::MAX;
    scene.has(0, 3);
    is_complete(&lines(&scene.disk.text(0)), 3);
}

/// Disks that fill up, empty, stick and are changed, at random.
#[test]
fn whatever_the_disk_does_each_line_is_there_once_or_counted() {
    let gaps = for_each_seed(3, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut scene = Scene::new(usize::MAX);
        for _ in 0..1500 {
            match rng.u32(..200) {
                0..4 => scene.disk.state().free = rng.usize(..1 << 20),
                4 => scene.disk.state().free = usize::MAX,
                5 => scene.disk.state().is_stuck = true,
                6 => scene.disk.state().is_stuck = false,
                14..16 => scene.disk.rotate(),
                16..20 => scene.queue.reopen(),
                20 => scene.disk.state().is_closed = rng.bool(),
                21 => drop(scene.releases(Duration::from_millis(rng.u64(..30)))),
                22..40 => thread::sleep(Duration::from_micros(rng.u64(..3000))),
                _ => scene.says(rng.usize(..128 << 10)),
            }
        }
        let mut state = scene.disk.state();
        (state.free, state.is_stuck, state.is_closed) = (usize::MAX, false, false);
        drop(state);
        scene.queue.reopen();
        until("the last lines", || scene.releases(PATIENCE) == Ok(()));
        let files: Vec<u32> = scene.disk.state().files.keys().copied().collect();
        let text: String = files.iter().map(|file| scene.disk.text(*file)).collect();
        let lines = lines(&text);
        is_complete(&lines, scene.said);
        let is_gap = |line: &&Line| matches!(line, Line::Missing(_));
        lines.iter().filter(is_gap).count()
    });
    assert!(gaps.is_none_or(|gaps| gaps > 0));
}
