//! Raw arguments in, typed configurations out, or one line that says what is wrong with them.
//! Starts nothing, and reads nothing but the environment and the files that options name.

use std::ffi::OsString;
use std::io::{self, Write as _};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

#[cfg(feature = "bench")]
use crate::bench as generator;
#[cfg(feature = "client")]
use crate::client;
use crate::failure::CliError;
use crate::serve as server;

#[cfg(feature = "bench")]
mod bench;
#[cfg(feature = "client")]
mod connect;
mod generate;
mod serve;
mod variables;

pub use generate::Files;

/// What the command line asks for.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one command, for as long as the program runs"
)]
pub enum Command {
    /// `chinwag serve`
    Serve(server::Config),
    /// `chinwag connect`
    #[cfg(feature = "client")]
    Connect(client::Config),
    /// `chinwag bench`
    #[cfg(feature = "bench")]
    Bench(generator::Config),
    /// `--help`, `--version` or `chinwag generate`: a text for stdout.
    Print(String),
    /// `chinwag generate man --out`
    Write(Files),
}

#[derive(Parser)]
#[command(
    name = "chinwag",
    bin_name = "chinwag",
    version,
    about,
    max_term_width = 100
)]
struct Arguments {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    Serve(Box<serve::Arguments>),
    #[cfg(feature = "client")]
    Connect(connect::Arguments),
    #[cfg(not(feature = "client"))]
    #[command(hide = true, disable_help_flag = true)]
    Connect(NotBuiltIn),
    #[cfg(feature = "bench")]
    Bench(Box<bench::Arguments>),
    #[cfg(not(feature = "bench"))]
    #[command(hide = true, disable_help_flag = true)]
    Bench(NotBuiltIn),
    Generate(generate::Arguments),
}

/// Stands for the arguments of a subcommand that this build does without.
#[cfg(not(all(feature = "bench", feature = "client")))]
#[derive(clap::Args)]
struct NotBuiltIn {
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    _words: Vec<OsString>,
}

#[cfg(not(all(feature = "bench", feature = "client")))]
impl NotBuiltIn {
    fn refuse(command: &str, feature: &str) -> Result<Command, CliError> {
        Err(CliError::usage(format!(
            "this chinwag was built without {command} (its cargo feature is '{feature}')"
        )))
    }
}

/// Reads the whole command line, the program's name first.
///
/// # Errors
/// A usage [`CliError`] of one line.
pub fn parse<I, T>(arguments: I) -> Result<Command, CliError>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let words = arguments.into_iter().map(Into::into).collect();
    let words = serve::name_first::name_first(words);
    let (program, variables) = variables::read(Arguments::command(), named(&words), &words);
    parse_by(program, &words).map_err(|refused| refused.map(|why| variables.name_in(&why)))
}

/// As [`parse`], with no regard to the environment.
#[cfg(feature = "bench")]
fn parse_words(words: Vec<OsString>) -> Result<Command, CliError> {
    let words = serve::name_first::name_first(words);
    parse_by(Arguments::command(), &words)
}

fn parse_by(mut program: clap::Command, words: &[OsString]) -> Result<Command, CliError> {
    let named = named(words);
    let name_page = |refused: CliError| match refused.is_usage() {
        true => refused.map(|why| format!("{why} (see {})", help_page(named))),
        false => refused,
    };
    let parsed = program
        .try_get_matches_from_mut(words)
        .and_then(|mut matches| Arguments::from_arg_matches_mut(&mut matches));
    match parsed {
        Ok(arguments) => match arguments.command {
            Subcommands::Serve(given) => {
                let config = given.into_config();
                config.map(Command::Serve).map_err(name_page)
            }
            #[cfg(feature = "client")]
            Subcommands::Connect(given) => {
                let config = given.into_config();
                config.map(Command::Connect).map_err(name_page)
            }
            #[cfg(not(feature = "client"))]
            Subcommands::Connect(_) => NotBuiltIn::refuse("connect", "client"),
            #[cfg(feature = "bench")]
            Subcommands::Bench(given) => given.into_config().map(Command::Bench),
            #[cfg(not(feature = "bench"))]
            Subcommands::Bench(_) => NotBuiltIn::refuse("bench", "bench"),
            Subcommands::Generate(given) => given.into_command(Arguments::command()),
        },
        Err(error) if !error.use_stderr() => {
            Ok(Command::Print(unescape(&error.render().to_string())))
        }
        Err(error) => {
            let why = match error.kind() {
                ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                    "a command is missing".to_owned()
                }
                _ => one_line(&error.render().to_string()),
            };
            Err(name_page(CliError::usage(why)))
        }
    }
}

/// Writes to stdout. A reader that has gone away is no failure of ours.
///
/// # Errors
/// One line: why it cannot be written.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::runtime(format!("write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Of a `{n}` clap makes a newline, and nothing keeps it from that: a help has `{%n}` in its place.
fn unescape(help: &str) -> String {
    help.replace("{%n}", "{n}")
}

/// The words that name a command, and its commands, behind the program's own name.
fn named(words: &[OsString]) -> &[OsString] {
    let mut command = &Arguments::command();
    let behind = words.get(1..).unwrap_or_default();
    let is_named = |word: &&OsString| match command.find_subcommand(word) {
        Some(named) => {
            command = named;
            true
        }
        None => false,
    };
    let count = behind.iter().take_while(is_named).count();
    &behind[..count]
}

/// The help of the command that is named.
fn help_page(named: &[OsString]) -> String {
    let named: String = (named.iter())
        .map(|word| format!(" {}", word.to_string_lossy()))
        .collect();
    format!("chinwag{named} --help")
}

/// Folds clap's report, of which the usage and the hints stand in paragraphs of their own, into
/// its first paragraph on one line.
fn one_line(report: &str) -> String {
    let first = report.split("\n\n").next().unwrap_or(report);
    let words: Vec<&str> = first.split_whitespace().collect();
    let text = words.join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "bench")]
    #[test]
    fn help_tells_of_n_in_braces() {
        for page in ["echo", "room"] {
            let Ok(Command::Print(text)) = parse(["chinwag", "bench", page, "--help"]) else {
                panic!("no help for {page}");
            };
            assert!(text.contains("{n} is its number"), "{text}");
        }
    }

    /// Tells `each` of every option, and of the words that name its command.
    fn walk(
        command: &clap::Command,
        named: &[String],
        each: &mut dyn FnMut(&[String], &clap::Arg),
    ) {
        for option in command.get_arguments().filter(|a| !a.is_positional()) {
            each(named, option);
        }
        for inner in command.get_subcommands() {
            let named = [named, &[inner.get_name().to_owned()]].concat();
            walk(inner, &named, each);
        }
    }

    #[test]
    fn every_option_has_a_long_name_and_so_a_variable() {
        let mut count = 0;
        walk(&Arguments::command(), &[], &mut |named, option| {
            assert!(option.get_long().is_some(), "{named:?} {}", option.get_id());
            count += 1;
        });
        assert!(count > 20, "{count}");
    }

    #[test]
    fn a_value_is_refused_in_words_of_our_own() {
        walk(&Arguments::command(), &[], &mut |named, option| {
            if !option.get_action().takes_values() {
                return;
            }
            for value in ["", "x", "1k", "-1", "0", "99999999999999999999999"] {
                let long = option.get_long().unwrap_or_default();
                let option = format!("--{long}={value}");
                let words = ["chinwag".to_owned()].into_iter();
                let words = words.chain(named.iter().cloned()).chain([option]);
                let words: Vec<_> = words.map(OsString::from).collect();
                let Err(refusal) = parse_by(Arguments::command(), &words) else {
                    continue;
                };
                let foreign = [
                    "invalid digit",
                    "to fit in",
                    "cannot parse",
                    "invalid float",
                    " is not in ",
                ];
                let text = refusal.to_string();
                let is_foreign = foreign.iter().any(|words| text.contains(words));
                assert!(!is_foreign, "{text}");
            }
        });
    }

    #[cfg(all(feature = "bench", feature = "client"))]
    #[test]
    fn usage_names_the_program_whatever_its_file_is_called() {
        for line in [
            "",
            "serve",
            "serve echo",
            "connect",
            "bench",
            "bench echo",
            "generate",
        ] {
            let words = ["/bin/foo"].into_iter().chain(line.split_whitespace());
            let Ok(Command::Print(text)) = parse(words.chain(["--help"])) else {
                panic!("no help for {line}");
            };
            let usage = format!("Usage: chinwag {line}");
            assert!(
                text.contains(usage.trim_end()) && !text.contains("foo"),
                "{text}"
            );
        }
    }

    #[cfg(all(feature = "bench", feature = "client"))]
    #[test]
    fn wrong_usage_names_the_page_that_tells_the_right_one() {
        for (line, page) in [
            ("", "chinwag --help"),
            ("srve", "chinwag --help"),
            ("bench", "chinwag bench --help"),
            ("bench rom", "chinwag bench --help"),
            ("serve --bogus", "chinwag serve --help"),
            ("serve nonsense", "chinwag serve --help"),
            ("serve room -l x:y", "chinwag serve room --help"),
            ("serve -l 0 echo --bogus", "chinwag serve echo --help"),
            ("connect a b", "chinwag connect --help"),
            ("bench room --bogus", "chinwag bench room --help"),
            ("bench room -c 1", "chinwag bench room --help"),
            ("bench echo 7788 -d 0", "chinwag bench echo --help"),
            ("bench compare a", "chinwag bench compare --help"),
        ] {
            let words = std::iter::once("chinwag").chain(line.split_whitespace());
            let refusal = parse(words).expect_err(line);
            assert_eq!(refusal.exit_code(), 2, "{line}");
            let end = format!(" (see {page})");
            assert!(refusal.to_string().ends_with(&end), "{line}: {refusal}");
        }
    }

    #[cfg(not(feature = "client"))]
    #[test]
    fn what_was_not_built_in_is_wrong_usage_whatever_follows() {
        for line in ["connect", "connect --help", "connect 7788 --raw"] {
            let words = std::iter::once("chinwag").chain(line.split_whitespace());
            let refusal = parse(words).expect_err(line);
            assert_eq!(refusal.exit_code(), 2, "{line}");
            assert!(refusal.to_string().contains("built without connect"));
        }
    }
}
