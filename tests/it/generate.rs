//! `chinwag generate`: man pages that man shows, completions that shells read.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::harness::{program, skipped};

fn run(words: &[&str]) -> Output {
    let mut command = Command::new(program());
    command.args(words).stdin(Stdio::null()).output().unwrap()
}

fn stdout_of(words: &[&str]) -> String {
    let output = run(words);
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether a program is there to be used; `SKIPPED` if not.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        skipped(&format!("what {program} says: it is not installed"));
    }
    found
}

/// What a program says of a file, on either stream.
fn complaint(program: &str, words: &[&str], file: &Path) -> String {
    let output = Command::new(program)
        .args(words)
        .arg(file)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    match output.status.success() {
        true => said,
        false => format!("{}: {said}", output.status),
    }
}

#[test]
fn every_command_has_a_page_without_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("share/man");
    let said = stdout_of(&["generate", "man", "--out", out.to_str().unwrap()]);
    assert_eq!(said, "");
    let mut commands = vec![vec![]];
    while let Some(command) = commands.pop() {
        let name = ["chinwag"].iter().chain(&command).copied();
        let name = name.collect::<Vec<&str>>().join("-");
        let page = out.join(format!("{name}.1"));
        let text = fs::read_to_string(&page).unwrap_or_else(|e| panic!("{name}: {e}"));
        let help = stdout_of(&[&command[..], &["--help"]].concat());
        for word in help.split_whitespace().filter(|w| w.starts_with("--")) {
            let word = word.split('[').next().unwrap_or_default();
            let word = word.trim_end_matches(|c: char| !c.is_alphanumeric());
            assert!(text.contains(&word.replace('-', "\\-")), "{name}: {word}");
        }
        let children: &[&str] = match command[..] {
            [] => &["serve", "connect", "bench", "generate"],
            ["serve"] => &["room", "console", "echo", "reply"],
            ["bench"] => &["echo", "room", "compare", "doctor"],
            ["generate"] => &["man", "completions"],
            _ => &[],
        };
        commands.extend(children.iter().map(|c| [&command[..], &[c]].concat()));
        if has("groff") {
            let said = complaint("groff", &["-Tutf8", "-man", "-ww", "-z"], &page);
            assert_eq!(said, "", "{name}");
        }
    }
    assert_eq!(fs::read_dir(&out).unwrap().count(), 15);
}

#[test]
fn man_shows_all_pages_from_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chinwag.1");
    fs::write(&file, stdout_of(&["generate", "man"])).unwrap();
    if !has("man") {
        return;
    }
    let mut man = Command::new("man");
    man.args(["-l", "-Tascii"]).arg(&file);
    let shown = man.env("MANWIDTH", "80").output().unwrap().stdout;
    // Bold is a letter struck twice.
    let shown = String::from_utf8_lossy(&shown).into_owned();
    let plain: Vec<char> = shown.chars().collect();
    let plain: String = (0..plain.len())
        .filter(|&at| plain[at] != '\u{8}' && plain.get(at + 1) != Some(&'\u{8}'))
        .map(|at| plain[at])
        .collect();
    for (part, times) in [
        ("\nNAME\n", 15),
        ("\nEXIT STATUS\n", 15),
        ("chinwag-serve-room(1)            User Commands", 1),
        ("--max-clients <N>", 5),
        ("First  line  of each connection; {n} is its number, \\r", 2),
    ] {
        let loose = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let found = loose(&plain).matches(&loose(part)).count();
        assert!(
            found >= times,
            "{part:?} stands there {found} times:\n{plain}"
        );
    }
}

#[test]
fn shells_read_their_completions() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, check) in [
        ("bash", Some("-n")),
        ("zsh", Some("-n")),
        ("fish", Some("--no-execute")),
        ("elvish", None),
        ("powershell", None),
    ] {
        let script = stdout_of(&["generate", "completions", shell]);
        assert!(script.contains("max-clients-per-ip"), "{shell}");
        let file = folder.path().join(shell);
        fs::write(&file, script).unwrap();
        if let Some(check) = check
            && has(shell)
        {
            assert_eq!(complaint(shell, &[check], &file), "", "{shell}");
        }
    }
}

#[test]
fn bash_completes_commands_and_options() {
    if !has("bash") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chinwag.bash");
    fs::write(&file, stdout_of(&["generate", "completions", "bash"])).unwrap();
    for (words, expected) in [
        ("chinwag se", "serve"),
        ("chinwag serve ec", "echo"),
        ("chinwag serve echo --max-clients-", "--max-clients-per-ip"),
        ("chinwag serve --notices au", "auto"),
    ] {
        let script = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _chinwag chinwag \"${{COMP_WORDS[COMP_CWORD]}}\" \
             \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; echo \"${{COMPREPLY[@]}}\"",
            file.display()
        );
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        let offered = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(offered.trim(), expected, "{words}: {output:?}");
    }
}

#[test]
fn what_cannot_be_written_or_is_not_known_is_told_in_a_line() {
    let taken = tempfile::NamedTempFile::new().unwrap();
    let taken = taken.path().to_str().unwrap();
    for (words, code, why) in [
        (
            &["generate", "man", "--out", taken][..],
            1,
            "make the directory",
        ),
        (&["generate", "completions", "tcsh"], 2, "tcsh"),
        (&["generate", "completions"], 2, "<SHELL>"),
        (&["generate"], 2, "a command is missing"),
    ] {
        let output = run(words);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(why) && said.lines().count() == 1, "{said}");
    }
    if !cfg!(target_os = "linux") {
        return skipped("a stdout that is full: there is no /dev/full");
    }
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = Command::new(program());
    command.args(["generate", "man"]).stdout(full);
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stderr.starts_with(b"chinwag: write to stdout: "));
}
