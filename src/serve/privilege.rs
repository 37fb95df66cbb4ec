//! Giving up the rights of the user who started the server. Knows the system; not what is served.

use std::ffi::CString;

use nix::unistd::{Uid, User, initgroups, setgid, setuid};

use crate::failure::CliError;

/// Becomes `name`, with that user's groups, for good.
pub(super) fn become_user(name: &str) -> Result<(), CliError> {
    let fail = |why: String| CliError::runtime(format!("become user {name}: {why}"));
    let user = find(name)?;
    // A process that goes on in another one's place has become it already.
    if Uid::current() == user.uid && Uid::effective() == user.uid {
        return Ok(());
    }
    let c_name = CString::new(name).map_err(|error| fail(error.to_string()))?;
    // The groups first: afterwards there is no right to.
    initgroups(&c_name, user.gid)
        .and_then(|()| setgid(user.gid))
        .and_then(|()| setuid(user.uid))
        .map_err(|error| fail(error.desc().to_owned()))
}

/// The numbers of a user and of its group.
pub(super) fn ids_of(name: &str) -> Result<(u32, u32), CliError> {
    find(name).map(|user| (user.uid.as_raw(), user.gid.as_raw()))
}

fn find(name: &str) -> Result<User, CliError> {
    let fail = |why: &str| CliError::runtime(format!("become user {name}: {why}"));
    User::from_name(name)
        .map_err(|error| fail(error.desc()))?
        .ok_or_else(|| fail("there is no such user"))
}
