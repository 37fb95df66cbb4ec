//! A disk for the thread that writes: full, stuck or changed under it, as it is told.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::writer;
use super::until;

#[derive(Default)]
pub(super) struct State {
    /// All that ever stood at the place, by a number of its own.
    pub(super) files: BTreeMap<u32, Vec<u8>>,
    /// What stands there now.
    pub(super) current: u32,
    /// Bytes that are free.
    pub(super) free: usize,
    /// Writes wait.
    pub(super) is_stuck: bool,
    /// Nothing can be opened there, or locked.
    pub(super) is_closed: bool,
    /// Bytes of all files that have been synced.
    pub(super) synced: usize,
    /// Of how many files others are kept out.
    pub(super) locked: u32,
}

#[derive(Clone, Default)]
pub(super) struct Disk(Arc<Mutex<State>>);

impl Disk {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn text(&self, file: u32) -> String {
        let bytes = self.state().files.get(&file).cloned();
        String::from_utf8(bytes.unwrap_or_default()).unwrap()
    }

    pub(super) fn is_synced(&self) -> bool {
        let state = self.state();
        state.synced == state.files.values().map(Vec::len).sum::<usize>()
    }

    pub(super) fn rotate(&self) {
        self.state().current += 1;
    }
}

pub(super) struct OpenFile {
    disk: Disk,
    number: u32,
    is_torn: bool,
    is_locked: bool,
}

impl writer::Place for Disk {
    type File = OpenFile;

    fn open(&self, current: Option<&OpenFile>) -> io::Result<Option<OpenFile>> {
        let mut state = self.state();
        if state.is_closed {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let number = state.current;
        if current.is_some_and(|current| current.number == number) {
            return Ok(None);
        }
        state.locked += 1;
        let file = state.files.entry(number).or_default();
        Ok(Some(OpenFile {
            is_torn: file.last().is_some_and(|last| *last != b'\n'),
            disk: self.clone(),
            number,
            is_locked: true,
        }))
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.disk.state().locked -= u32::from(self.is_locked);
    }
}

impl writer::File for OpenFile {
    fn is_torn(&self) -> bool {
        self.is_torn
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        until("the disk goes on", || !self.disk.state().is_stuck);
        let mut state = self.disk.state();
        let count = bytes.len().min(state.free);
        if count == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.free -= count;
        let file = state.files.get_mut(&self.number).unwrap();
        file.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.synced = state.files.values().map(Vec::len).sum();
        Ok(())
    }

    fn cut(&mut self, bytes: usize) -> io::Result<()> {
        let mut state = self.disk.state();
        let file = state.files.get_mut(&self.number).unwrap();
        file.truncate(file.len() - bytes);
        Ok(())
    }

    fn lock(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        if state.is_closed {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        state.locked += 1;
        self.is_locked = true;
        Ok(())
    }

    fn unlock(&mut self) {
        self.disk.state().locked -= 1;
        self.is_locked = false;
    }
}
