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
    let (mut options, mut description, mut name) = (Options::new(), String::new(), None);
    for line in text.lines().chain(["  --help"]) {
        let words = line.trim_start();
        let long = words.split([' ', ',']).find(|word| word.starts_with("--"));
        if let Some(long) = long.filter(|_| words.starts_with('-') && words != "--") {
            if let Some(name) = name.replace(long.to_owned()) {
                options.insert(name, default_in(&description));
            }
            description.clear();
        }
        description.push_str(line.trim());
        description.push(' ');
    }
    options.remove("--help");
    options
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
        } else if first.starts_with('-') && title.contains("option") {
            let table = tables.entry(title.clone()).or_default();
            for name in first
                .split([' ', ','])
                .filter(|word| word.starts_with("--"))
            {
                table.insert(name.to_owned(), Some(second.clone()));
            }
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
    let common = &tables["option of every service"];
    let mut all = common.clone();
    let mut helped = Options::new();
    for service in ["room", "console", "echo", "reply"] {
        let help = help(&["serve", service]);
        let own = tables.get(&format!("option of {service}"));
        for name in common.keys().chain(own.iter().flat_map(|own| own.keys())) {
            assert!(
                help.contains_key(name),
                "serve {service} --help lacks {name}"
            );
        }
        all.extend(own.cloned().unwrap_or_default());
        helped.extend(help);
    }
    agree(&helped, &all);
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
         7788]\n      --once             One [default of two: 3]\n  -h, --help  Print help\n",
    );
    let expected = [("--listen", Some("7788")), ("--once", None)];
    let expected = expected.map(|(name, default)| (name.to_owned(), default.map(str::to_owned)));
    assert!(options.into_iter().eq(expected));
}
