//! The transcript's file itself: opened, locked, written. And where it stands.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, fcntl_setfl, flock};
use rustix::io::Errno;

use super::writer;

/// A path, whatever stands there.
#[derive(Debug)]
pub(super) struct Place(pub(super) PathBuf);

/// What is open there.
#[derive(Debug)]
pub(super) struct File {
    file: fs::File,
    /// Others (a device, a pipe) are written to and no more.
    is_regular: bool,
    is_torn: bool,
}

impl File {
    /// Opens a file, or makes it, for this user alone.
    fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        // A pipe that can be read as well needs nobody else who does; and then opening waits for nobody.
        options.read(true).append(true).create(true).mode(0o600);
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
        let file = options.open(path)?;
        // Whoever writes may wait.
        fcntl_setfl(&file, OFlags::APPEND)?;
        let metadata = file.metadata()?;
        let mut last = [b'\n'];
        if metadata.is_file() && metadata.len() > 0 {
            file.read_exact_at(&mut last, metadata.len() - 1)?;
        }
        Ok(Self {
            file,
            is_regular: metadata.is_file(),
            is_torn: last != *b"\n",
        })
    }

    fn is_same_as(&self, other: &Self) -> io::Result<bool> {
        let [own, other] = [self.file.metadata()?, other.file.metadata()?];
        Ok((own.dev(), own.ino()) == (other.dev(), other.ino()))
    }

    /// A new file becomes another user's.
    pub(super) fn give_to(&self, (user, group): (u32, u32)) -> io::Result<()> {
        let is_new = self.is_regular && self.file.metadata()?.len() == 0;
        match is_new {
            true => fchown(&self.file, Some(user), Some(group)),
            false => Ok(()),
        }
    }

    /// What can be read of it again, if anything.
    pub(super) fn to_read(&self) -> io::Result<Option<fs::File>> {
        self.is_regular.then(|| self.file.try_clone()).transpose()
    }
}

impl writer::Place for Place {
    type File = File;

    fn open(&self, current: Option<&File>) -> io::Result<Option<File>> {
        let mut file = File::open(&self.0)?;
        // A lock is in the way of the one who has it, too.
        if let Some(current) = current
            && file.is_same_as(current)?
        {
            return Ok(None);
        }
        writer::File::lock(&mut file)?;
        Ok(Some(file))
    }
}

impl writer::File for File {
    fn is_torn(&self) -> bool {
        self.is_torn
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.is_regular {
            true => self.file.sync_data(),
            false => Ok(()),
        }
    }

    fn cut(&mut self, bytes: usize) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        // Somebody else may have emptied it; and what is no file has no length.
        match length.checked_sub(bytes as u64) {
            Some(left) => self.file.set_len(left),
            None => Ok(()),
        }
    }

    /// Not every file system knows locks.
    fn lock(&mut self) -> io::Result<()> {
        if !self.is_regular {
            return Ok(());
        }
        match flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => Err(io::Error::other("another server writes to it")),
            _ => Ok(()),
        }
    }

    fn unlock(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}
