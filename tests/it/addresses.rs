//! What the system's resolver takes, every subcommand takes: scopes, mapped addresses, names that
//! have several addresses.

use std::process::{Command, Output};

use crate::harness::{Launch, program, skipped};

/// Runs a script in a network and with a hosts file of its own; `$1` is the program. None, and a
/// line that says so, where the system does not allow that.
fn in_own_network(script: &str) -> Option<Output> {
    let prelude = "
        set -eu
        ip link set lo up && ip -6 addr add fe80::1/64 dev lo nodad || exit 77
        hosts=$(mktemp) && trap 'rm -f $hosts' EXIT
        printf '127.0.0.1 several\\n::1 several\\n127.0.0.2 several\\n192.0.2.1 elsewhere\\n' >$hosts
        printf '192.0.2.1 half\\n127.0.0.3 half\\n' >>$hosts
        mount --bind $hosts /etc/hosts || exit 77
        # Serves at the address in the first argument; what it says is in $said.
        serve() {
            said=$(mktemp)
            timeout 30 \"$program\" serve echo -l \"$1\" >$said &
            for _ in $(seq 400); do
                if grep -q listening $said; then break; fi
                sleep 0.05
            done
            cat $said
            address=$(sed -n 's/listening on //p' $said | head -n 1)
            rm $said
        }
        program=$1
    ";
    let script = format!("{prelude}\n{script}\nkill $!\n");
    let output = Command::new("timeout")
        .args(["40", "unshare", "-r", "-n", "-m", "sh", "-c", &script, "sh"])
        .arg(program())
        .output()
        .expect("timeout runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    let cannot = output.status.code() == Some(77) || errors.contains("unshare");
    if cannot {
        skipped(&format!(
            "addresses: no network and hosts file of one's own here: {errors}"
        ));
        return None;
    }
    assert!(output.status.success(), "{output:?}");
    Some(output)
}

#[test]
fn a_scope_is_taken_by_every_subcommand() {
    let Some(output) = in_own_network(
        r#"
        serve '[fe80::1%lo]:0'
        for form in "$address" "$(printf %s "$address" | sed s/%[0-9]*/%lo/)"; do
            printf 'hello\n' | timeout 20 "$program" connect "$form"
            timeout 20 "$program" bench echo "$form" -c 1 -d 100ms --warmup 0 >/dev/null
        done
        "#,
    ) else {
        return;
    };
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines = said.lines();
    let listening = lines.next().unwrap();
    assert!(
        listening.starts_with("listening on [fe80::1%1]:"),
        "{said:?}"
    );
    assert_eq!(lines.collect::<Vec<_>>(), ["hello", "hello"]);
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(warned.contains("can be reached from other"), "{warned:?}");
}

#[test]
fn a_name_with_several_addresses_is_served_at_all_of_them() {
    let script = r#"
        serve several:7788
        for host in 127.0.0.1 127.0.0.2 [::1] several; do
            printf '%s\n' "$host" | timeout 20 "$program" connect "$host:7788"
        done
        timeout 20 "$program" bench echo several:7788 -c 1 -d 100ms --warmup 0 >/dev/null
        # Nobody else gets one half of the name.
        timeout 20 "$program" serve -l several:7788 || echo "exit $?"
    "#;
    let Some(output) = in_own_network(script) else {
        return;
    };
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<&str> = said.lines().collect();
    lines[..3].sort_unstable();
    let listening = ["127.0.0.1", "127.0.0.2", "[::1]"].map(|ip| format!("listening on {ip}:7788"));
    assert_eq!(lines[..3], listening);
    assert_eq!(
        lines[3..],
        ["127.0.0.1", "127.0.0.2", "[::1]", "several", "exit 1"]
    );
}

#[test]
fn an_address_that_is_not_there_is_passed_over() {
    let Some(output) = in_own_network(
        r#"
        serve half:7788
        # It is no address of this machine, so nobody answers there.
        printf 'hello\n' | timeout 20 "$program" connect --timeout 4s half:7788
        timeout 20 "$program" serve -l elsewhere:0 || echo "exit $?"
        "#,
    ) else {
        return;
    };
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "listening on 127.0.0.3:7788\nhello\nexit 1\n");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("chinwag: listen on elsewhere:0: "), "{told}");
}

#[test]
fn a_mapped_address_is_its_ipv4_address() {
    let server = Launch::new("echo")
        .listen(&["[::ffff:127.0.0.1]:0"])
        .start();
    assert!(server.address().starts_with("127.0.0.1:"));
    let address = format!("[::ffff:127.0.0.1]:{}", server.port());
    let output = Command::new("sh")
        .args(["-c", r#"echo hi | timeout 20 "$0" connect "$1""#])
        .arg(program())
        .arg(address)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hi\n");
}
