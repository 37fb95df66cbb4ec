//! Environment variables in place of options, by one scheme: `CHINWAG_MAX_CLIENTS` stands for
//! `--max-clients`. What the command line says itself wins.

use std::ffi::{OsStr, OsString};

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, Command};

const PREFIX: &str = "CHINWAG_";

/// Values by which an option that takes none stays as it is; so does it where the variable is empty.
const NO: [&str; 6] = ["0", "f", "false", "n", "no", "off"];

/// Stands between the values of an option that can be given several times.
const SEPARATOR: char = ',';

/// An option that a variable has set.
struct Set {
    variable: String,
    option: String,
}

/// The options that variables have set.
pub(super) struct Variables(Vec<Set>);

/// Has the options of the command to which `path` leads be read from variables too, as far as
/// `words`, the command line, does not give them.
pub(super) fn read(
    program: Command,
    path: &[OsString],
    words: &[OsString],
) -> (Command, Variables) {
    let mut set = Vec::new();
    let program = at(program, path, &mut |option| {
        read_one(option, words, &mut set)
    });
    (program, Variables(set))
}

/// Names the variables of every command, for its man page.
pub(super) fn name_all(command: Command) -> Command {
    let command = command.mut_args(|option| match option.get_long() {
        Some(long) => {
            let variable = variable(long);
            option.env(variable).hide_env_values(true)
        }
        None => option,
    });
    command.mut_subcommands(name_all)
}

fn at(command: Command, path: &[OsString], change: &mut dyn FnMut(Arg) -> Arg) -> Command {
    match path {
        [] => command.mut_args(change),
        [name, rest @ ..] => {
            let name = name.to_string_lossy();
            command.mut_subcommand(name, |command| at(command, rest, change))
        }
    }
}

fn read_one(option: Arg, words: &[OsString], set: &mut Vec<Set>) -> Arg {
    let Some(long) = option.get_long().map(str::to_owned) else {
        return option;
    };
    let variable = variable(&long);
    let value = std::env::var_os(&variable);
    let takes_value = option.get_action().takes_values();
    let is_no = |value: &OsStr| {
        let text = value.to_string_lossy().to_ascii_lowercase();
        text.is_empty() || !takes_value && NO.contains(&text.as_str())
    };
    if value.as_deref().is_some_and(is_no) {
        return option;
    }
    let is_given = words.iter().any(|word| gives(word, &option));
    let has_several = matches!(option.get_action(), ArgAction::Append);
    let mut option = option;
    if value.is_some() && !is_given {
        if has_several {
            // On the command line it is repeated, and a value may have a comma.
            option = option.value_delimiter(SEPARATOR);
        }
        if !takes_value {
            option = option.value_parser(BoolishValueParser::new());
        }
        set.push(Set {
            variable: variable.clone(),
            option: format!("--{long}"),
        });
    }
    option.env(variable).hide_env_values(true)
}

fn variable(long: &str) -> String {
    format!("{PREFIX}{}", long.to_ascii_uppercase().replace('-', "_"))
}

/// Whether a word of the command line gives the option.
fn gives(word: &OsStr, option: &Arg) -> bool {
    let word = word.to_string_lossy();
    match word.strip_prefix("--") {
        Some(long) => long.split('=').next() == option.get_long(),
        None => option
            .get_short()
            .is_some_and(|short| word.strip_prefix('-').is_some_and(|w| w.starts_with(short))),
    }
}

impl Variables {
    /// Names in `refusal`, which is about options, the variables that have set them.
    pub(super) fn name_in(&self, refusal: &str) -> String {
        let name = |text: String, set: &Set| replace(&text, &set.option, &set.variable);
        self.0.iter().fold(refusal.to_owned(), name)
    }
}

/// Replaces an option where it stands as a word of its own, or quoted as clap does it, with what it
/// takes: `'--max-clients <N>'`.
fn replace(text: &str, option: &str, by: &str) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(option) {
        let (before, mut after) = (&rest[..at], &rest[at + option.len()..]);
        // `--tls-cert` is no word of `--tls-cert-chain`.
        if after.starts_with(|c: char| c.is_alphanumeric() || c == '-') {
            replaced += &rest[..at + option.len()];
        } else if let Some(before) = before.strip_suffix('\'')
            && let Some((_, behind)) = after.split_once('\'')
        {
            replaced = replaced + before + by;
            after = behind;
        } else {
            replaced = replaced + before + by;
        }
        rest = after;
    }
    replaced + rest
}
