//! Arguments, run, exit code. Policy only: everything that works is in the library.

use std::process::ExitCode;

use chinwag::cli::{self, Command};
use chinwag::sanitize::sanitize;
use chinwag::serve;

#[expect(
    clippy::print_stderr,
    reason = "the one line that says why the program failed"
)]
fn main() -> ExitCode {
    let outcome = cli::parse(std::env::args_os()).and_then(|command| match command {
        Command::Serve(config) => {
            #[cfg(feature = "bench")]
            chinwag::bench::end_with_bench()?;
            serve::run(&config)
        }
        #[cfg(feature = "client")]
        Command::Connect(config) => chinwag::client::run(&config),
        #[cfg(feature = "bench")]
        Command::Bench(config) => chinwag::bench::run(&config),
        Command::Print(text) => cli::print(&text),
        Command::Write(files) => files.write(),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // It may hold a file's name, or a server's words.
            let text = failure.to_string();
            eprintln!("chinwag: {}", sanitize(text.as_bytes()));
            ExitCode::from(failure.exit_code())
        }
    }
}
