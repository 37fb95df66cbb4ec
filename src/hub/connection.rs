//! One connection to Redis, and the commands that the hub knows. Whatever fails on it, it is not used
//! again: what was sent and not answered may have happened or not.

use std::fmt;
use std::time::Duration;

use redis::{Client, Cmd, ErrorKind, RedisError, Value, cmd};

use super::config::{HubConfig, random};
use super::script::{FETCH, RELEASE, RENEW, TAKE_OVER};
use super::{Entry, EntryId};

/// How long Redis may take for an answer, or to take a command. A stalled one is noticed after this,
/// and after what `XREAD` waits.
pub(super) const IO_TIMEOUT: Duration = Duration::from_millis(1500);

/// How many entries the stream keeps, about: Redis drops whole nodes of its tree.
const MAX_ENTRIES: usize = 100_000;

/// A name whose node is not heard of for so long is free.
const NAME_TTL_MS: usize = 20_000;

/// A snapshot that nobody fetches is dropped after so long.
const SNAPSHOT_TTL_S: usize = 60;

/// Of the stream's end, this much is read for the history: entries, and bytes after which no more are
/// asked for.
const TAIL_ENTRIES: usize = 10_000;
const TAIL_BYTES: usize = 16 << 20;
const TAIL_STEP: usize = 500;

/// The one field of an entry.
const FIELD: &str = "e";

/// Entries that have no data, or someone else's, have been appended by hand: only the id counts.
type Appended = (EntryId, Option<Vec<u8>>);

pub(super) struct Connection {
    redis: redis::Connection,
    /// Commands to be sent at once.
    packed: Vec<u8>,
    commands: usize,
}

/// What is asked for at once, so that nothing comes between.
pub(super) struct Asked<'a> {
    pub(super) key: &'a str,
    /// These are still there?
    pub(super) marks: &'a [EntryId],
    /// What is at this key is to be taken from there.
    pub(super) snapshot: Option<&'a str>,
    pub(super) after: EntryId,
    pub(super) max_entries: usize,
    /// How long to wait for one.
    pub(super) wait: Duration,
}

pub(super) struct Answer {
    pub(super) has_marks: bool,
    pub(super) snapshot: Option<Vec<u8>>,
    /// The last of the entries, whether it has data or not.
    pub(super) last: Option<EntryId>,
    pub(super) entries: Vec<Entry>,
}

impl Connection {
    /// `patience`: how long an answer may take.
    pub(super) fn open(config: &HubConfig, patience: Duration) -> Result<Self, String> {
        let open = || {
            let client = Client::open(config.redis.clone())?;
            let redis = client.get_connection_with_timeout(IO_TIMEOUT)?;
            redis.set_read_timeout(Some(patience))?;
            redis.set_write_timeout(Some(IO_TIMEOUT))?;
            Ok(redis)
        };
        let redis = open().map_err(|error| in_words(&error))?;
        Ok(Self {
            redis,
            packed: Vec::new(),
            commands: 0,
        })
    }

    fn add(&mut self, command: &Cmd) {
        command.write_packed_command(&mut self.packed);
        self.commands += 1;
    }

    /// Sends what was added, and reads the answers. The library's own pipelines go on reading after an
    /// error, and wait for each answer of a stalled Redis anew.
    fn run(&mut self) -> Result<Vec<Value>, String> {
        let commands = std::mem::take(&mut self.commands);
        if commands == 0 {
            return Ok(Vec::new());
        }
        let sent = self.redis.send_packed_command(&self.packed);
        self.packed.clear();
        sent.map_err(|error| in_words(&error))?;
        let mut answers = Vec::with_capacity(commands);
        for _ in 0..commands {
            let answer = self.redis.recv_response();
            let answer = answer.and_then(Value::extract_error);
            answers.push(answer.map_err(|error| in_words(&error))?);
        }
        Ok(answers)
    }

    fn run_one(&mut self, command: &Cmd) -> Result<Value, String> {
        self.add(command);
        let answer = self.run()?.pop();
        answer.ok_or_else(|| unexpected(&"nothing"))
    }

    /// Appends all or none: a hole in the middle of a batch would put what is sent again out of order.
    pub(super) fn append(&mut self, key: &str, batch: &[Vec<u8>]) -> Result<(), String> {
        let is_one = batch.len() == 1;
        if !is_one {
            self.add(&cmd("MULTI"));
        }
        let mut command = Cmd::new();
        for data in batch {
            command.clear();
            command.arg("XADD").arg(key).arg("MAXLEN").arg("~");
            command.arg(MAX_ENTRIES).arg("*").arg(FIELD);
            command.arg(data.as_slice());
            self.add(&command);
        }
        if !is_one {
            self.add(&cmd("EXEC"));
        }
        let done = self.run()?.pop();
        match done {
            Some(Value::BulkString(_)) if is_one => Ok(()),
            Some(Value::Array(ids)) if ids.len() == batch.len() => {
                let is_id = |id: &Value| matches!(id, Value::BulkString(_));
                let refused = ids.into_iter().find(|id| !is_id(id));
                refused.map_or(Ok(()), |id| Err(refusal(id)))
            }
            other => Err(unexpected(&other)),
        }
    }

    pub(super) fn ask(&mut self, asked: &Asked<'_>) -> Result<Answer, String> {
        for mark in asked.marks {
            self.add(&range_of(asked.key, *mark));
        }
        if let Some(key) = asked.snapshot {
            self.add(&script(FETCH, key));
        }
        let wait_ms = usize::try_from(asked.wait.as_millis()).unwrap_or(usize::MAX);
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(asked.max_entries);
        read.arg("BLOCK").arg(wait_ms);
        read.arg("STREAMS").arg(asked.key);
        self.add(read.arg(asked.after.to_string()));
        let mut answers = self.run()?.into_iter();
        let mut has_marks = true;
        for answer in answers.by_ref().take(asked.marks.len()) {
            has_marks &= !entries(answer)?.is_empty();
        }
        let snapshot = match asked.snapshot.and_then(|_| answers.next()) {
            None | Some(Value::Nil) => None,
            Some(Value::BulkString(data)) => Some(data),
            Some(other) => return Err(unexpected(&other)),
        };
        let read = answers.next().map_or(Ok(Vec::new()), stream)?;
        Ok(Answer {
            has_marks,
            snapshot,
            last: read.last().map(|(id, _)| *id),
            entries: with_data(read),
        })
    }

    /// Which of these the stream still has, in their order.
    fn are_left(&mut self, key: &str, marks: &[EntryId]) -> Result<Vec<bool>, String> {
        for mark in marks {
            self.add(&range_of(key, *mark));
        }
        let answers = self.run()?.into_iter();
        let is_there = |answer| entries(answer).map(|found| !found.is_empty());
        answers.map(is_there).collect()
    }

    pub(super) fn first_left(
        &mut self,
        key: &str,
        marks: &[EntryId],
    ) -> Result<Option<EntryId>, String> {
        let left = self.are_left(key, marks)?;
        let first = left.iter().position(|is_left| *is_left);
        Ok(first.and_then(|at| marks.get(at)).copied())
    }

    pub(super) fn count_left(&mut self, key: &str, marks: &[EntryId]) -> Result<usize, String> {
        let left = self.are_left(key, marks)?;
        Ok(left.into_iter().filter(|is_left| *is_left).count())
    }

    /// Redis' clock: µs since 1970.
    pub(super) fn time(&mut self) -> Result<u64, String> {
        let answer = self.run_one(&cmd("TIME"))?;
        let (seconds, micros): (u64, u64) =
            redis::from_redis_value_ref(&answer).map_err(|_| unexpected(&answer))?;
        Ok(seconds.saturating_mul(1_000_000).saturating_add(micros))
    }

    /// The id of the newest entry, and the newest ones that have data, the oldest of them first.
    pub(super) fn newest_entries(&mut self, key: &str) -> Result<(EntryId, Vec<Entry>), String> {
        let (mut end, mut position, mut bytes) = ("+".to_owned(), None, 0);
        let mut found = Vec::new();
        while found.len() < TAIL_ENTRIES && bytes < TAIL_BYTES {
            let mut command = cmd("XREVRANGE");
            command.arg(key).arg(&end).arg("-");
            command.arg("COUNT").arg(TAIL_STEP);
            let step = entries(self.run_one(&command)?)?;
            let Some((oldest, _)) = step.last() else {
                break;
            };
            position = position.or(step.first().map(|(id, _)| *id));
            let Some(before) = before(*oldest) else {
                break;
            };
            end = before.to_string();
            let step = with_data(step);
            bytes += step.iter().map(|entry| entry.data.len()).sum::<usize>();
            found.extend(step);
        }
        found.truncate(TAIL_ENTRIES);
        found.reverse();
        Ok((position.unwrap_or(EntryId::START), found))
    }

    /// Says that this node is here; returns whether its name is its own.
    pub(super) fn renew_name(&mut self, config: &HubConfig, boot: &str) -> Result<bool, String> {
        let mut command = script(RENEW, &config.name_key());
        command.arg(boot).arg(random()).arg(NAME_TTL_MS);
        is_done(self.run_one(&command)?)
    }

    /// Who has the node's name: its boot, and what is another one each time that it is renewed.
    pub(super) fn name_holder(&mut self, config: &HubConfig) -> Result<Option<Vec<u8>>, String> {
        match self.run_one(cmd("GET").arg(config.name_key()))? {
            Value::Nil => Ok(None),
            Value::BulkString(holder) => Ok(Some(holder)),
            other => Err(unexpected(&other)),
        }
    }

    /// Takes the name of one that is gone; returns whether it still was.
    pub(super) fn take_name_over(
        &mut self,
        config: &HubConfig,
        boot: &str,
        holder: &[u8],
    ) -> Result<bool, String> {
        let mut command = script(TAKE_OVER, &config.name_key());
        command.arg(boot).arg(NAME_TTL_MS).arg(holder);
        is_done(self.run_one(&command)?)
    }

    pub(super) fn release_name(&mut self, config: &HubConfig, boot: &str) -> Result<(), String> {
        let mut command = script(RELEASE, &config.name_key());
        self.run_one(command.arg(boot)).map(drop)
    }

    pub(super) fn leave_snapshot(&mut self, key: &str, data: &[u8]) -> Result<(), String> {
        let mut command = cmd("SET");
        command.arg(key).arg(data).arg("EX").arg(SNAPSHOT_TTL_S);
        self.run_one(&command).map(drop)
    }
}

fn script(text: &str, key: &str) -> Cmd {
    let mut command = cmd("EVAL");
    command.arg(text).arg(1).arg(key);
    command
}

fn is_done(answer: Value) -> Result<bool, String> {
    match answer {
        Value::Int(done) => Ok(done == 1),
        other => Err(unexpected(&other)),
    }
}

/// This entry alone, if it is there.
fn range_of(key: &str, id: EntryId) -> Cmd {
    let mut command = cmd("XRANGE");
    let id = id.to_string();
    command.arg(key).arg(&id).arg(&id);
    command
}

/// The largest id below this one.
fn before(id: EntryId) -> Option<EntryId> {
    let EntryId { ms, seq } = id;
    match (ms, seq) {
        (0, 0 | 1) => None,
        (ms, 0) => Some(EntryId {
            ms: ms - 1,
            seq: u64::MAX,
        }),
        (ms, seq) => Some(EntryId { ms, seq: seq - 1 }),
    }
}

/// What `XREAD` says of one stream.
fn stream(answer: Value) -> Result<Vec<Appended>, String> {
    match answer {
        Value::Nil => Ok(Vec::new()),
        Value::Array(mut streams) => match streams.pop() {
            Some(Value::Array(mut stream)) => {
                let found = stream.pop();
                found.map_or_else(|| Err(unexpected(&"no stream")), entries)
            }
            other => Err(unexpected(&other)),
        },
        other => Err(unexpected(&other)),
    }
}

fn entries(answer: Value) -> Result<Vec<Appended>, String> {
    let Value::Array(found) = answer else {
        return Err(unexpected(&answer));
    };
    found.into_iter().map(entry).collect()
}

fn entry(value: Value) -> Result<Appended, String> {
    let Value::Array(parts) = value else {
        return Err(unexpected(&value));
    };
    let mut parts = parts.into_iter();
    let Some(Value::BulkString(id)) = parts.next() else {
        return Err(unexpected(&"an entry without an id"));
    };
    let id = String::from_utf8_lossy(&id).parse()?;
    // Deleted ones have no fields.
    let Some(Value::Array(fields)) = parts.next() else {
        return Ok((id, None));
    };
    let mut fields = fields.into_iter();
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        if let (Value::BulkString(name), Value::BulkString(data)) = (name, value)
            && name == FIELD.as_bytes()
        {
            return Ok((id, Some(data)));
        }
    }
    Ok((id, None))
}

fn with_data(found: Vec<Appended>) -> Vec<Entry> {
    let found = found.into_iter();
    let whole = |(id, data): Appended| data.map(|data| Entry { id, data });
    found.filter_map(whole).collect()
}

fn refusal(answer: Value) -> String {
    match answer.extract_error() {
        Err(error) => in_words(&error),
        Ok(other) => unexpected(&other),
    }
}

fn unexpected(what: &impl fmt::Debug) -> String {
    let mut what = format!("{what:?}");
    // Whatever it is, a line has an end.
    let end = crate::protocol::beginning(&what, 80).len();
    what.truncate(end);
    format!("it is no Redis that answers so: {what}")
}

/// What failed, in one line.
fn in_words(error: &RedisError) -> String {
    if error.is_timeout() {
        return format!("it says nothing for {} ms", IO_TIMEOUT.as_millis());
    }
    if error.kind() == ErrorKind::AuthenticationFailed {
        return "it refuses the user, or the password".to_owned();
    }
    if error.is_connection_dropped() && !error.is_connection_refusal() {
        return "the connection broke".to_owned();
    }
    let code = error.code().unwrap_or_default();
    match error.detail() {
        Some(detail) if detail.contains("unknown command") => {
            "it has no streams: Redis 5 or newer is needed".to_owned()
        }
        Some(detail) => format!("{code} {detail}").trim().to_owned(),
        None => error.to_string(),
    }
}
