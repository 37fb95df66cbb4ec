//! Options may stand before the service's name, as in `chinwag serve -l 0 echo`. clap would take
//! them for options of `serve`, so the name is put first.

use std::ffi::OsString;

use clap::{Arg, Args as _, Command};

/// Moves the name of a service, if there is one, to the place behind `serve`.
pub(in crate::cli) fn name_first(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if let [_, command, words @ ..] = arguments.as_mut_slice()
        && command == "serve"
    {
        let serve = super::Arguments::augment_args(Command::new("serve"));
        if let Some(at) = service_at(words, &serve) {
            words[..=at].rotate_right(1);
        }
    }
    arguments
}

/// Where the first word stands that is neither an option nor an option's value, if that is a
/// service.
fn service_at(words: &[OsString], serve: &Command) -> Option<usize> {
    let mut places = words.iter().enumerate();
    while let Some((at, word)) = places.next() {
        if !word.as_encoded_bytes().starts_with(b"-") {
            return serve.find_subcommand(word).map(|_| at);
        }
        if has_its_value_next(word.to_str()?, serve) {
            places.next();
        }
    }
    None
}

/// Of `-l0` and `--listen=0` the value is in the word itself.
fn has_its_value_next(word: &str, serve: &Command) -> bool {
    let is_meant = |option: &&Arg| match word.strip_prefix("--") {
        Some(long) => option.get_long() == Some(long),
        None => option
            .get_short()
            .is_some_and(|c| word[1..] == *c.encode_utf8(&mut [0; 4])),
    };
    let services = serve.get_subcommands().flat_map(Command::get_arguments);
    let option = serve.get_arguments().chain(services).find(is_meant);
    option.is_some_and(|option| option.get_action().takes_values())
}
