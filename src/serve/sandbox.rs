//! Giving up, by Landlock, what a running server does not need: files and further listeners. Knows
//! the system; not what is served.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};
use log::warn;

use crate::addr::{Address, Listen};
use crate::failure::CliError;

/// The newest Landlock that is asked for; an older kernel gives what it has.
const LANDLOCK: ABI = ABI::V5;

/// From here on this thread, which owns every socket, opens no file and binds no port. Where it
/// listens on unix sockets it may still take their files away, and it may read what is in the
/// folders of the files that it will read anew.
pub(super) fn enter(listening: &[Listen], reread: &[&Path]) -> Result<(), CliError> {
    let fail = |why: String| CliError::runtime(format!("enter the sandbox: {why}"));
    match restrict(listening, reread).map_err(|error| fail(error.to_string()))? {
        RulesetStatus::FullyEnforced => Ok(()),
        RulesetStatus::PartiallyEnforced => {
            warn!("sandbox: this kernel's Landlock is an older one, and holds back less");
            Ok(())
        }
        RulesetStatus::NotEnforced => Err(fail("this kernel has no Landlock".to_owned())),
    }
}

fn restrict(listening: &[Listen], reread: &[&Path]) -> Result<RulesetStatus, RulesetError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .create()?;
    for listener in listening {
        if let Address::Unix(path) = &listener.address
            && let Ok(folder) = PathFd::new(folder_of(path))
        {
            rules = rules.add_rule(PathBeneath::new(folder, AccessFs::RemoveFile))?;
        }
    }
    for file in reread {
        // By the folder: a new file takes an old one's name.
        if let Ok(folder) = PathFd::new(folder_of(file)) {
            rules = rules.add_rule(PathBeneath::new(folder, AccessFs::ReadFile))?;
        }
    }
    Ok(rules.restrict_self()?.ruleset)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
