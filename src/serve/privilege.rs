//! Giving up what a running server does not need: another user's rights, files, new listeners.
//! Knows the system; not what is served.

use std::ffi::CString;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};
use log::warn;
use nix::unistd::{User, initgroups, setgid, setuid};

use crate::addr::Address;
use crate::failure::Failure;

/// The newest Landlock that is asked for; an older kernel gives what it has.
const LANDLOCK: ABI = ABI::V5;

/// Becomes `name`, with that user's groups, for good.
pub(super) fn become_user(name: &str) -> Result<(), Failure> {
    let fail = |why: String| Failure::runtime(format!("become user {name}: {why}"));
    let user = User::from_name(name)
        .map_err(|error| fail(error.desc().to_owned()))?
        .ok_or_else(|| fail("there is no such user".to_owned()))?;
    let c_name = CString::new(name).map_err(|error| fail(error.to_string()))?;
    // The groups first: afterwards there is no right to.
    initgroups(&c_name, user.gid)
        .and_then(|()| setgid(user.gid))
        .and_then(|()| setuid(user.uid))
        .map_err(|error| fail(error.desc().to_owned()))
}

/// From here on this thread, which owns every socket, opens no file and binds no port. Where it
/// listens on unix sockets it may still take their files away.
pub(super) fn enter_sandbox(listening: &[Address]) -> Result<(), Failure> {
    let fail = |why: String| Failure::runtime(format!("enter the sandbox: {why}"));
    match restrict(listening).map_err(|error| fail(error.to_string()))? {
        RulesetStatus::FullyEnforced => Ok(()),
        RulesetStatus::PartiallyEnforced => {
            warn!("sandbox: this kernel's Landlock is an older one, and holds back less");
            Ok(())
        }
        RulesetStatus::NotEnforced => Err(fail("this kernel has no Landlock".to_owned())),
    }
}

fn restrict(listening: &[Address]) -> Result<RulesetStatus, RulesetError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .create()?;
    for address in listening {
        if let Address::Unix(path) = address
            && let Ok(folder) = PathFd::new(folder_of(path))
        {
            rules = rules.add_rule(PathBeneath::new(folder, AccessFs::RemoveFile))?;
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
