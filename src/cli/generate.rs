//! `chinwag generate`: man pages and completions for shells, made from what the program itself
//! parses its command line by.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{Args, Command, Subcommand};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::failure::CliError;

const SECTION: &str = "1";

/// What is true of every command.
const EXIT_STATUS: &str = "0: done. 1: the network, the system or a check failed. 2: wrong usage. \
    3 (bench): the run tells nothing of the server. One line on stderr says why.";

/// Write man pages, or completions for a shell
#[derive(Args)]
#[command(disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Man pages of the program and of its commands, all of them on stdout
    Man {
        /// Write each page into a file of its own in this directory, which is made if need be
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// A script on stdout with which a shell completes command lines
    Completions {
        /// The shell that is to read it
        shell: Shell,
    },
}

/// Files to be written.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    /// By their names in there.
    files: Vec<(String, String)>,
}

impl Files {
    /// Writes them, and makes their folder if need be.
    ///
    /// # Errors
    /// One line: which of them could not be written, and why.
    pub fn write(&self) -> Result<(), CliError> {
        let fail = |what: &str, error: io::Error| {
            let folder = self.folder.display();
            CliError::runtime(format!("{what} {folder}: {error}"))
        };
        fs::create_dir_all(&self.folder).map_err(|error| fail("make the directory", error))?;
        for (name, text) in &self.files {
            fs::write(self.folder.join(name), text)
                .map_err(|error| fail(&format!("write {name} into"), error))?;
        }
        Ok(())
    }
}

impl Arguments {
    /// What is asked for, made of the definition of the whole command line.
    ///
    /// # Errors
    /// None that anybody has seen: a page is made in memory.
    pub(super) fn into_command(self, program: Command) -> Result<super::Command, CliError> {
        match self.what {
            What::Man { out } => {
                let fail = |error| CliError::runtime(format!("make the man pages: {error}"));
                let files = man_pages(program).map_err(fail)?;
                Ok(match out {
                    Some(folder) => super::Command::Write(Files { folder, files }),
                    None => {
                        super::Command::Print(files.into_iter().map(|(_, page)| page).collect())
                    }
                })
            }
            What::Completions { shell } => {
                let mut program = program;
                let name = program.get_name().to_owned();
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut program, name, &mut script);
                Ok(super::Command::Print(as_text(&script)))
            }
        }
    }
}

/// A page for the program, and one for each command and its commands, by file name.
fn man_pages(mut program: Command) -> io::Result<Vec<(String, String)>> {
    program = super::variables::name_all(program).disable_help_subcommand(true);
    program.build();
    let source = format!("{} {}", program.get_name(), env!("CARGO_PKG_VERSION"));
    let mut pages = Vec::new();
    let mut left = vec![(program, None)];
    while let Some((command, parent)) = left.pop() {
        let title = command.get_display_name().unwrap_or(command.get_name());
        let title = title.to_owned();
        let visible = command.get_subcommands().filter(|c| !c.is_hide_set());
        let children: Vec<_> = visible.cloned().collect();
        pages.push((
            format!("{title}.{SECTION}"),
            man_page(command, parent.as_deref(), &source)?,
        ));
        // The last one is taken first.
        left.extend(children.into_iter().rev().map(|c| (c, Some(title.clone()))));
    }
    Ok(pages)
}

fn man_page(command: Command, parent: Option<&str>, source: &str) -> io::Result<String> {
    let has_commands = command.has_subcommands();
    let name = command.get_display_name().unwrap_or(command.get_name());
    // clap_mangen's own would leave out the empty date, and what follows would take its place.
    let title = format!(".TH {name} {SECTION} \"\" \"{source}\" \"User Commands\"\n");
    let man = Man::new(command).section(SECTION);
    let mut page = title.into_bytes();
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    let mut end = Roff::new();
    end.control("SH", ["EXIT STATUS"])
        .text([roman(EXIT_STATUS)]);
    if let Some(parent) = parent {
        let text = format!("{parent}({SECTION})");
        end.control("SH", ["SEE ALSO"]).text([roman(text)]);
    }
    end.to_writer(&mut page)?;
    Ok(as_text(&page))
}

/// What clap has written, all of it from strings.
fn as_text(bytes: &[u8]) -> String {
    super::unescape(&String::from_utf8_lossy(bytes))
}
