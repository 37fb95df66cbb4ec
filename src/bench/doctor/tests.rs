//! What limits are told, and what is refused.

use super::*;

fn small() -> Limits {
    Limits {
        soft: Some(1_024),
        hard: 4_096,
        hardest: 50_000,
        files: 100_000,
        ports: (32_768, 60_999),
        backlog: 128,
        tcp_pages: [10, 20, 30],
        page_bytes: 4_096,
        free_bytes: 1 << 30,
        cores: 2,
    }
}

fn ample() -> Limits {
    Limits {
        soft: Some(1_024),
        hard: 1 << 20,
        hardest: 1 << 30,
        files: u64::MAX >> 1,
        ports: (1_000, 65_535),
        backlog: 65_536,
        tcp_pages: [1 << 17; 3],
        ..small()
    }
}

fn raises(limits: &Limits) -> Vec<String> {
    let findings = limits.findings().into_iter();
    findings
        .map(|finding| finding.raise)
        .filter(|raise| !raise.is_empty())
        .collect()
}

#[test]
fn each_limit_has_its_command() {
    let raises = raises(&small());
    for (raise, words) in raises.iter().zip([
        "sysctl -w fs.nr_open=65536, then ulimit -n 65536 (",
        "sysctl -w fs.file-max=1048576",
        "sysctl -w net.ipv4.ip_local_port_range='1024 65535'",
        "sysctl -w net.core.somaxconn=4096",
        "sysctl -w net.ipv4.tcp_mem='20 40 60'",
    ]) {
        assert!(raise.starts_with(words), "{raise}");
    }
    assert_eq!(raises.len(), 5);
    assert!(examine().contains("descriptors"));
}

#[test]
fn what_is_enough_is_left_alone() {
    assert_eq!(raises(&ample()), Vec::<String>::new());
    let just = Limits {
        hard: DESCRIPTORS_WANTED,
        files: FILES_WANTED,
        ..small()
    };
    assert_eq!(raises(&just).len(), 3);
}

#[test]
fn errors_of_limits_say_how_to_raise_them() {
    let small = |errno| small().hint(Some(errno));
    assert!(small(Errno::MFILE).contains("as root: sysctl -w fs.nr_open=65536, then ulimit"));
    assert!(small(Errno::NFILE).contains("fs.file-max=1048576"));
    assert!(small(Errno::ADDRNOTAVAIL).contains("--source"));
    assert!(small(Errno::ADDRNOTAVAIL).contains("'1024 65535'"));
    assert_eq!(small(Errno::CONNREFUSED), "");
    // What was not enough is not offered again.
    let ample = |errno| ample().hint(Some(errno));
    assert!(ample(Errno::MFILE).contains("as root: ulimit -n 2097152 "));
    assert!(!ample(Errno::ADDRINUSE).contains("sysctl"));
    assert!(ample(Errno::ADDRINUSE).contains("--source"));
}

#[test]
fn a_table_that_does_not_fit_is_refused_before_it_is_made() {
    let of = |words| check_memory(&crate::bench::config::load_of(words));
    let refusal = of("room 7788 -c 9000000 --senders 9000000").unwrap_err();
    assert!(refusal.contains("308990478 MiB"), "{refusal}");
    assert_eq!(of("room 7788 -c 900 --senders 900"), Ok(()));
    assert_eq!(of("echo 7788 -c 9000000"), Ok(()));
}

#[test]
fn too_many_are_refused_before_they_are_tried() {
    assert_eq!(make_room_for(10), Ok(()));
    if getrlimit(Resource::Nofile).maximum.is_some() {
        let refusal = make_room_for(usize::MAX >> 8).unwrap_err();
        assert!(refusal.contains("ulimit -n"), "{refusal}");
    }
}
