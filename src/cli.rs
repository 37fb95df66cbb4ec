//! Raw arguments in, typed configurations out, or one line that says what is wrong with them.
//! Opens nothing and starts nothing.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::{bench as generator, client, serve as server};

mod bench;
mod connect;
mod serve;

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    /// `chinwag serve`
    Serve(server::Config),
    /// `chinwag connect`
    Connect(client::Config),
    /// `chinwag bench`
    Bench(generator::Config),
    /// `--help` or `--version`: a text for stdout.
    Print(String),
}

#[derive(Parser)]
#[command(name = "chinwag", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    Serve(Box<serve::Arguments>),
    Connect(connect::Arguments),
    Bench(Box<bench::Arguments>),
}

/// Reads the whole command line, the program's name first.
///
/// # Errors
/// A usage [`Failure`] of one line.
pub fn parse<I, T>(arguments: I) -> Result<Command, Failure>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    match Arguments::try_parse_from(arguments) {
        Ok(arguments) => match arguments.command {
            Subcommands::Serve(arguments) => arguments.into_config().map(Command::Serve),
            Subcommands::Connect(arguments) => Ok(Command::Connect(arguments.into())),
            Subcommands::Bench(arguments) => arguments.into_config().map(Command::Bench),
        },
        Err(error) if !error.use_stderr() => Ok(Command::Print(error.render().to_string())),
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Err(Failure::usage("a command is missing (see chinwag --help)"))
        }
        Err(error) => Err(Failure::usage(one_line(&error.render().to_string()))),
    }
}

/// Folds clap's report, of which the usage and the hints stand in paragraphs of their own, into
/// its first paragraph on one line.
fn one_line(report: &str) -> String {
    let first = report.split("\n\n").next().unwrap_or(report);
    let words: Vec<&str> = first.split_whitespace().collect();
    let text = words.join(" ");
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    format!("{text} (see chinwag --help)")
}
