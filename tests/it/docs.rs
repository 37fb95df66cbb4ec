//! The option tables in `docs/` are what `--help` says: every option, and the defaults.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{program, skipped};

/// Long options, each with its default where one is told.
type Options = BTreeMap<String, Option<String>>;

fn help(subcommand: &[&str]) -> Options {
    let help = Command::new(program())
        .args(subcommand)
        .arg("--help")
        .output()
        .unwrap();
    assert!(help.status.success(), "{subcommand:?}");
    let options = read_help(&String::from_utf8(help.stdout).unwrap());
    assert!(!options.is_empty(), "{subcommand:?}");
    options
}

/// An option stands at a line's beginning; what is said of it goes on until the next.
fn read_help(text: &str) -> Options {
    let (mut options, mut description, mut option) = (Options::new(), String::new(), None);
    for line in text.lines().chain(["  --help"]) {
        if let Some(name) = name_in(line.split_whitespace()) {
            if let Some(before) = option.replace(name) {
                options.insert(before, default_in(&description));
            }
            description.clear();
        }
        description.push_str(line.trim());
        description.push(' ');
    }
    options.remove("--help");
    options
}

/// The option that a line or a cell begins with: its long name, if it has one.
fn name_in<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<String> {
    let first = words.next()?.trim_end_matches(',');
    let is_short = first.len() == 2 && first.starts_with('-') && first != "--";
    let long = words
        .next()
        .filter(|word| is_short && word.starts_with("--"));
    // A value that may be left out stands in brackets behind it.
    let name = |option: &str| option.split('[').next().unwrap_or_default().to_owned();
    let is_option = is_short || first.starts_with("--") && first.len() > 2;
    is_option.then(|| name(long.unwrap_or(first)))
}

fn default_in(description: &str) -> Option<String> {
    let (_, rest) = description.split_once("[default: ")?;
    let (default, _) = rest.split_once(']')?;
    Some(default.to_owned())
}

/// The tables of options in a page of `docs/`, by the first row's first cell: name, then default.
fn tables(page: &str) -> Option<BTreeMap<String, Options>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(page);
    let text = fs::read_to_string(path).ok()?;
    let (mut tables, mut title) = (BTreeMap::<_, Options>::new(), String::new());
    for line in text.lines() {
        let Some(row) = line.strip_prefix("| ") else {
            if !line.starts_with("|-") {
                title.clear();
            }
            continue;
        };
        let row = row.replace("\\|", "/").replace('`', "");
        let mut cells = row.split('|').map(|cell| cell.trim().to_owned());
        let (first, second) = (cells.next().unwrap(), cells.next().unwrap_or_default());
        if title.is_empty() {
            title = first;
        } else if title.contains("option")
            && let Some(name) = name_in(first.split_whitespace())
        {
            let table = tables.entry(title.clone()).or_default();
            table.insert(name, Some(second));
        }
    }
    Some(tables)
}

/// Every option of the help is in the table, every one of the table in the help, and the defaults
/// that the help tells are those of the table.
#[track_caller]
fn agree(help: &Options, table: &Options) {
    assert!(
        help.keys().eq(table.keys()),
        "--help {:?}\n docs  {:?}",
        help.keys(),
        table.keys()
    );
    for (name, default) in help {
        if default.is_some() {
            assert_eq!(
                default, &table[name],
                "default of {name}: --help, then docs"
            );
        }
    }
}

#[test]
fn the_reference_has_the_options_of_serve_and_connect() {
    let Some(tables) = tables("REFERENCE.md") else {
        return skipped("option tables: there is no docs/REFERENCE.md");
    };
    agree(&help(&["connect"]), &tables["option of connect"]);
    for service in ["room", "console", "echo", "reply"] {
        // A default of its own stands in the service's own table.
        let mut table = tables["option of every service"].clone();
        table.extend(
            tables
                .get(&format!("option of {service}"))
                .cloned()
                .unwrap_or_default(),
        );
        agree(&help(&["serve", service]), &table);
    }
}

#[test]
fn the_page_on_bench_has_its_options() {
    let Some(tables) = tables("BENCH.md") else {
        return skipped("option tables of bench: there is no docs/BENCH.md");
    };
    let mut helped = help(&["bench", "echo"]);
    helped.extend(help(&["bench", "room"]));
    let all: Options = tables.into_values().flatten().collect();
    agree(&helped, &all);
}

#[test]
fn help_is_read_as_people_read_it() {
    let options = read_help(
        "Usage: x [OPTIONS]\n\nOptions:\n  -l, --listen <ADDR>  Where, and --not-this [default:\n      \
         7788]\n      --once             One [default of two: 3]\n      --own[=<yes|no>]  Own\n  -o <FILE>  Short\n  \
         - this: is no --option\n  -h, --help  Print help\n",
    );
    let expected = [
        ("--listen", Some("7788")),
        ("--once", None),
        ("--own", None),
        ("-o", None),
    ];
    let expected = expected.map(|(name, default)| (name.to_owned(), default.map(str::to_owned)));
    assert!(options.into_iter().eq(expected));
}
