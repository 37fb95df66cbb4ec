//! Giving up, by Landlock, what a running server does not need: files and further listeners. Knows
//! the system; not what is served.

use std::path::{Path, PathBuf};

#[cfg(feature = "hub")]
use landlock::NetPort;
use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};
use log::warn;

use super::{Config, folder_of};
use crate::addr::{Address, Listen};
use crate::failure::CliError;
#[cfg(feature = "hub")]
use crate::hub::HubConfig;

/// The newest Landlock that is asked for; an older kernel gives what it has.
const LANDLOCK: ABI = ABI::V5;

/// What a program is loaded from, beside its own file.
const LIBRARIES: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/etc/ld.so.cache"];

/// What a host's name is looked up with.
#[cfg(feature = "hub")]
const RESOLVER: [&str; 5] = [
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
];

/// What a process has for a stdin that is nothing.
const NOTHING: &str = "/dev/null";

/// From here on this thread, which owns every socket, opens no file and binds no port. Where it
/// listens on unix sockets it may still take their files away, and it may read what is in the
/// folders of the files that it will read anew. Threads that it starts, and who goes on after an
/// upgrade, write what is in the folder of its state, and the transcript, which may be made anew. It may start what is in the folder of `program`, as an upgrade does: what is started
/// so is in the same sandbox. And it may connect to the hub's port.
pub(super) fn enter(listening: &[Listen], config: &Config, program: &Path) -> Result<(), CliError> {
    let fail = |why: String| CliError::runtime(format!("enter the sandbox: {why}"));
    match restrict(listening, config, program).map_err(|error| fail(error.to_string()))? {
        RulesetStatus::FullyEnforced => Ok(()),
        RulesetStatus::PartiallyEnforced => {
            warn!("sandbox: this kernel's Landlock is an older one, and holds back less");
            Ok(())
        }
        RulesetStatus::NotEnforced => Err(fail("this kernel has no Landlock".to_owned())),
    }
}

fn restrict(
    listening: &[Listen],
    config: &Config,
    program: &Path,
) -> Result<RulesetStatus, RulesetError> {
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
    for file in config.reread_files() {
        // By the folder: a new file takes an old one's name.
        if let Ok(folder) = PathFd::new(folder_of(file)) {
            rules = rules.add_rule(PathBeneath::new(folder, AccessFs::ReadFile))?;
        }
    }
    let made = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg;
    if let Some(Ok(folder)) = config.state.as_ref().map(PathFd::new) {
        // A whole new file takes the old one's place, and the folder is synced.
        let access = made | AccessFs::ReadDir | AccessFs::RemoveFile;
        rules = rules.add_rule(PathBeneath::new(folder, access))?;
    }
    let transcript = config.service.transcript();
    if let Some(Ok(folder)) = transcript.map(folder_of).map(PathFd::new) {
        rules = rules.add_rule(PathBeneath::new(folder, made))?;
    }
    let linked = program.canonicalize();
    let programs = linked.iter().map(PathBuf::as_path).chain([program]);
    let runnable = AccessFs::Execute | AccessFs::ReadFile;
    let libraries = LIBRARIES.iter().map(Path::new);
    for path in programs.map(folder_of).chain(libraries) {
        if let Ok(opened) = PathFd::new(path) {
            let access = if path.is_dir() {
                runnable
            } else {
                AccessFs::ReadFile.into()
            };
            rules = rules.add_rule(PathBeneath::new(opened, access))?;
        }
    }
    if let Ok(nothing) = PathFd::new(NOTHING) {
        rules = rules.add_rule(PathBeneath::new(nothing, AccessFs::ReadFile))?;
    }
    #[cfg(feature = "hub")]
    if let Some(port) = config.hub.as_ref().and_then(HubConfig::port) {
        rules = rules.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
        for file in RESOLVER {
            if let Ok(file) = PathFd::new(file) {
                rules = rules.add_rule(PathBeneath::new(file, AccessFs::ReadFile))?;
            }
        }
    }
    Ok(rules.restrict_self()?.ruleset)
}
