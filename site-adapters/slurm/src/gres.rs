//! GPUs in Slurm's resource texts.

use std::collections::BTreeMap;

/// What GPUs of no type are called.
const NO_TYPE: &str = "gpu";

/// GPUs by type in a node's `gres` or `gres_used`: `gpu:h100:4(S:0-1),gpu:a100:2(IDX:0,3)`, `gpu:4`.
pub(crate) fn gpus(text: &str) -> BTreeMap<String, u32> {
    let mut all = BTreeMap::new();
    for entry in outside_brackets(text).split(',') {
        if let Some((kind, count)) = entry_of(entry) {
            let known: &mut u32 = all.entry(kind.to_owned()).or_default();
            *known = known.saturating_add(count);
        }
    }
    all
}

fn entry_of(entry: &str) -> Option<(&str, u32)> {
    let (name, rest) = entry.trim().split_once(':')?;
    let (kind, count) = rest.rsplit_once(':').unwrap_or((NO_TYPE, rest));
    // Of GPUs without a type `gres_used` says `gpu:(null):3(IDX:0-2)`.
    let kind = if kind.is_empty() { NO_TYPE } else { kind };
    (name == "gpu").then_some((kind, count.parse().ok()?))
}

/// GPUs in a list of trackable resources, `cpu=2,mem=200M,node=1,gres/gpu=2`: those of all types, which
/// Slurm lists one by one beside their sum, or in its place. `None` if the list counts none.
pub(crate) fn tracked(text: &str) -> Option<u32> {
    let (mut sum, mut typed) = (None, None);
    for (name, count) in text.split(',').filter_map(|entry| entry.split_once('=')) {
        let Ok(count) = count.parse::<u32>() else {
            continue;
        };
        match name.trim().strip_prefix("gres/gpu") {
            Some("") => sum = Some(count),
            Some(kind) if kind.starts_with(':') => {
                typed = Some(count.saturating_add(typed.unwrap_or(0)));
            }
            _ => {}
        }
    }
    sum.or(typed)
}

/// Commas inside brackets separate indices, not entries.
fn outside_brackets(text: &str) -> String {
    let mut depth = 0u32;
    text.chars()
        .filter(|c| {
            match c {
                '(' => depth += 1,
                ')' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, u32)> {
        gpus(text).into_iter().collect()
    }

    #[test]
    fn gpus_are_counted_by_type_and_indices_are_not() {
        let one = |kind: &str, count| (kind.to_owned(), count);
        assert_eq!(read("gpu:h100:4"), [one("h100", 4)]);
        assert_eq!(read("gpu:4(S:0-1)"), [one("gpu", 4)]);
        assert_eq!(read("gpu:(null):3(IDX:0-2)"), [one("gpu", 3)]);
        assert_eq!(read("gpu:(null):0(IDX:N/A)"), [one("gpu", 0)]);
        assert_eq!(
            read("gpu:h100:2(IDX:0,3),gpu:a100:1(IDX:4)"),
            [one("a100", 1), one("h100", 2)]
        );
        assert_eq!(read("gpu:h100:0(IDX:N/A)"), [one("h100", 0)]);
        for none in ["nic:2,shard:8", "", "gpu", "gpu:x", "gpu:h100:-1"] {
            assert_eq!(read(none), [], "{none}");
        }
    }

    #[test]
    fn gpus_are_found_among_what_slurm_tracks() {
        assert_eq!(
            tracked("cpu=2,mem=200M,node=1,billing=2,gres/gpu=2"),
            Some(2)
        );
        assert_eq!(
            tracked("gres/gpu=3,gres/gpu:a100=2,gres/gpu:h100=1"),
            Some(3)
        );
        assert_eq!(tracked("cpu=2,gres/gpu:a100=2,gres/gpu:h100=1"), Some(3));
        for none in [
            "cpu=2,mem=200M",
            "",
            "gres/gpumem=8",
            "gres/gpu=x",
            "gres/gpu",
        ] {
            assert_eq!(tracked(none), None, "{none}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[gpu:,()0-9IDX=/res]{0,60}") {
            let _ = (gpus(&text), tracked(&text));
        }
    }
}
