//! Ways to the same answer, each a list of things to change.

/// Ways that differ in one thing alone, told as one: at `differ_at` any of them will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ways<'w, T> {
    /// The place in each way; nowhere if there is one way only.
    pub differ_at: Option<usize>,
    pub all: Vec<&'w [T]>,
}

/// Ways that differ in one thing together, in the order of the first of each. Two things may stand for each
/// other where `alike` says so; a way of one thing stays alone.
pub fn folded_ways<T: PartialEq>(
    ways: &[Vec<T>],
    alike: impl Fn(&T, &T) -> bool,
) -> Vec<Ways<'_, T>> {
    let mut found: Vec<Ways<'_, T>> = Vec::new();
    for way in ways {
        let joins = found.iter_mut().find_map(|ways| {
            let here = differ_at((ways.all.first()?, way), &alike)?;
            { ways.differ_at }
                .is_none_or(|it| it == here)
                .then_some((ways, here))
        });
        match joins {
            Some((ways, here)) => {
                ways.differ_at = Some(here);
                ways.all.push(way);
            }
            None => found.push(Ways {
                differ_at: None,
                all: vec![way],
            }),
        }
    }
    found
}

/// The place of the only thing that is another one, where it stands beside others.
fn differ_at<T: PartialEq>(
    (one, other): (&[T], &[T]),
    alike: impl Fn(&T, &T) -> bool,
) -> Option<usize> {
    let pairs = one.iter().zip(other).enumerate();
    let mut different = pairs.filter(|(_, (a, b))| a != b);
    let (at, (a, b)) = different.next()?;
    let is_only = different.next().is_none() && one.len() == other.len() && one.len() > 1;
    (is_only && alike(a, b)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(ways: &[Vec<&'static str>]) -> Vec<(Option<usize>, usize)> {
        let is_proof = |it: &str| it.starts_with("proof");
        let ways = folded_ways(ways, |a, b| is_proof(a) && is_proof(b));
        ways.iter().map(|it| (it.differ_at, it.all.len())).collect()
    }

    #[test]
    fn ways_that_differ_in_one_proof_are_told_together() {
        let ways = [
            vec!["fewer hours", "proof a"],
            vec!["fewer hours", "proof b"],
            vec!["fewer hours", "proof c"],
        ];
        assert_eq!(folded(&ways), [(Some(1), 3)]);
    }

    #[test]
    fn ways_that_differ_in_two_things_or_in_something_else_or_in_length_are_told_apart() {
        let first = vec!["fewer hours", "proof a"];
        for other in [
            vec!["fewer months", "proof b"],
            vec!["fewer months", "proof a"],
            vec!["fewer hours"],
        ] {
            assert_eq!(folded(&[first.clone(), other]), [(None, 1), (None, 1)]);
        }
    }

    #[test]
    fn single_proofs_are_told_one_by_one() {
        assert_eq!(
            folded(&[vec!["proof a"], vec!["proof b"]]),
            [(None, 1), (None, 1)]
        );
    }
}
