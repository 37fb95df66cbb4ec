//! The same with faults that a seed decides.

use std::collections::HashMap;

use super::cluster::{Cluster, three};
use crate::testing::seeds::for_each_seed;

const PEOPLE: [(&str, &str); 3] = [("a", "ann"), ("b", "bob"), ("c", "eve")];

/// What runs of the random story have come to.
#[derive(Default)]
struct Sum {
    said: usize,
    failures: usize,
    losses: usize,
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, more: Self) {
        self.said += more.said;
        self.failures += more.failures;
        self.losses += more.losses;
    }
}

/// They talk, while the hub fails for one of them or, where it may, for all, with its end lost.
fn talk(cluster: &mut Cluster, rng: &mut fastrand::Rng, may_lose: bool) -> Sum {
    let mut sum = Sum::default();
    for _ in 0..rng.usize(20..120) {
        let (node, name) = PEOPLE[rng.usize(..3)];
        match rng.u8(..13) {
            0..6 => {
                cluster.says(node, name, &format!("{name} {}", sum.said));
                sum.said += 1;
            }
            6 | 7 => cluster.sends_some(node, rng.usize(..4)),
            8 | 9 => cluster.reads_some(node, rng.usize(..5)),
            10 => {
                cluster.fails(node, rng.usize(..3));
                sum.failures += 1;
            }
            11 if may_lose => {
                let lost = [rng.usize(..12), usize::MAX][usize::from(rng.u8(..5) == 0)];
                cluster.loses_end(lost);
                cluster.tells_of_loss(rng.usize(..3));
                sum.losses += 1;
            }
            _ => cluster.returns(node),
        }
    }
    for (node, _) in PEOPLE {
        cluster.returns(node);
    }
    cluster.settles();
    sum
}

/// Each hears all but its own, so any two have heard a third in one order, and together all.
fn all_heard_all_once_and_in_one_order(cluster: &mut Cluster, all_said: usize) {
    let heard = PEOPLE.map(|(node, name)| {
        let told = cluster.node(node).hall.told(name).into_iter();
        let said = told.filter(|line| !line.starts_with("* "));
        (name, said.collect::<Vec<String>>())
    });
    let mut all = 0;
    for (name, said) in &heard {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        for line in said {
            let (from, text) = line.split_once(": ").unwrap();
            assert_ne!(from, *name);
            let number = text.split(' ').nth(1).unwrap().parse().unwrap();
            let before = numbers.insert(from, number);
            assert!(
                before.is_none_or(|before| before < number),
                "{name}: {said:?}"
            );
        }
        all += said.len();
    }
    assert_eq!(all, 2 * all_said, "{heard:?}");
    for (left, right) in [(0, 1), (0, 2), (1, 2)] {
        let common = |of: usize, other: usize| -> Vec<&String> {
            let prefix = format!("{}: ", heard[other].0);
            let lines = heard[of].1.iter();
            lines.filter(|line| !line.starts_with(&prefix)).collect()
        };
        assert_eq!(common(left, right), common(right, left));
    }
}

#[test]
fn whatever_fails_all_nodes_hear_all_once_and_in_one_order() {
    let sum = for_each_seed(300, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut cluster = three();
        let sum = talk(&mut cluster, &mut rng, false);
        all_heard_all_once_and_in_one_order(&mut cluster, sum.said);
        sum
    });
    if let Some(sum) = sum {
        assert!(sum.said > 1000 && sum.failures > 300);
    }
}

#[test]
fn whatever_the_hub_loses_all_nodes_hear_all_once_and_in_one_order() {
    let sum = for_each_seed(300, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut cluster = three();
        let sum = talk(&mut cluster, &mut rng, true);
        all_heard_all_once_and_in_one_order(&mut cluster, sum.said);
        sum
    });
    if let Some(sum) = sum {
        assert!(sum.said > 1000 && sum.losses > 300);
    }
}
