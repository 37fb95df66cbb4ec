//! The terminal as the console uses it: a prompt that changes while one types, a loop that
//! never waits for it, a process with thousands of descriptors.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use chinwag::terminal::{Input, Options, Terminal};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::child::within;
use crate::pty::InPty;

/// Where the program finds the test that drives it.
const DRIVER: &str = "CHINWAG_TEST_DRIVER";

/// Not a test but the program that the tests here run in a pty: does what its driver says, and
/// tells it what is typed.
#[test]
#[ignore = "run by the tests beside it"]
fn program() {
    let Ok(address) = std::env::var(DRIVER) else {
        return;
    };
    let driver = TcpStream::connect(address).unwrap();
    let mut orders = BufReader::new(driver.try_clone().unwrap()).lines();
    let mut next = || orders.next().unwrap().unwrap();
    let descriptors: Vec<File> = (0..next().parse().unwrap())
        .map(|_| File::open("/dev/null").unwrap())
        .collect();
    let options = Options {
        prompt: "> ".to_owned(),
        vocabulary: Box::new(vec!["/who".to_owned()]),
        handled_signals: Vec::new(),
    };
    let mut report = driver;
    let terminal = Terminal::start(options, move |input, printer| {
        if input == Input::Line("prompt".to_owned()) {
            printer.set_prompt("changed: ");
        }
        writeln!(report, "{input:?}").unwrap();
    })
    .unwrap();
    let printer = terminal.printer();
    loop {
        match next().split_once(' ') {
            Some(("prompt", prompt)) => printer.set_prompt(prompt),
            Some(("print", line)) => printer.print(line),
            Some(("flood", lines)) => {
                for nth in 0..lines.parse().unwrap() {
                    assert!(printer.print_waiting(&format!("line {nth}"), false));
                }
            }
            _ => break,
        }
    }
    drop(terminal);
    drop(descriptors);
}

struct Driven {
    program: InPty,
    orders: TcpStream,
    reports: BufReader<TcpStream>,
}

impl Driven {
    fn start(descriptors: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "line_editor::program",
                "--ignored",
                "--nocapture",
            ])
            .env(DRIVER, address);
        let program = InPty::start(80, &mut command);
        let (orders, _) = within(move || listener.accept()).unwrap();
        orders
            .set_read_timeout(Some(crate::child::PATIENCE))
            .unwrap();
        let reports = BufReader::new(orders.try_clone().unwrap());
        let mut driven = Self {
            program,
            orders,
            reports,
        };
        driven.order(&descriptors.to_string());
        driven.shows("> ");
        driven
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    #[track_caller]
    fn shows(&self, last: &str) {
        self.program.pty.wait_for(&[last.trim_end()]);
    }

    #[track_caller]
    fn reports(&mut self, expected: &Input) {
        let mut report = String::new();
        self.reports.read_line(&mut report).unwrap();
        assert_eq!(report.trim_end(), format!("{expected:?}"));
    }
}

fn line(text: &str) -> Input {
    Input::Line(text.to_owned())
}

#[test]
fn the_prompt_changes_in_the_middle_of_typing() {
    let mut driven = Driven::start(0);
    driven.program.pty.press("half 你好\x1b[D");
    driven.shows("> half 你好");
    for prompt in ["send [1]: ", "send [12345]: ", "> ", "send [2]: "] {
        driven.order(&format!("prompt {prompt}"));
        driven.shows(&format!("{prompt}half 你好"));
    }
    // The cursor has kept its place in the text.
    driven.program.pty.press("x\r");
    driven.reports(&line("half 你x好"));
    driven.shows("send [2]:");
    driven.order("print recv [2] hi");
    driven
        .program
        .pty
        .wait_for(&["send [2]: half 你x好", "recv [2] hi", "send [2]:"]);
}

#[test]
fn lines_typed_ahead_find_the_prompt_that_the_first_one_sets() {
    let mut driven = Driven::start(0);
    driven.program.pty.press("prompt\rnext\r");
    driven.reports(&line("prompt"));
    driven.reports(&line("next"));
    driven
        .program
        .pty
        .wait_for(&["> prompt", "changed: next", "changed:"]);
}

#[test]
fn what_is_printed_before_the_end_is_shown() {
    let mut driven = Driven::start(0);
    driven.order("flood 20000");
    driven.order("end");
    assert!(driven.program.wait().success());
    driven.program.pty.wait_written("line 19999\r\n");
}

#[test]
fn the_end_is_told_once_and_ctrl_c_is_still_heard() {
    let mut driven = Driven::start(0);
    driven.program.pty.press("\x04\x04unheard\r\x03");
    driven.reports(&Input::End);
    driven.reports(&Input::Interrupted);
    driven.order("print still shown");
    driven.shows("still shown");
    driven.order("end");
    assert!(driven.program.wait().success());
}

#[test]
fn more_descriptors_than_select_knows_are_no_obstacle() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    )
    .unwrap();
    let mut driven = Driven::start(1500);
    driven.program.pty.press("one\rtwo\r");
    driven.reports(&line("one"));
    driven.reports(&line("two"));
}
