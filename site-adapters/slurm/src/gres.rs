//! GPUs in Slurm's resource texts.

/// GPUs in a node's `gres` or `gres_used`: `gpu:h100:4(S:0-1),gpu:a100:2(IDX:0,3)`, `gpu:4`.
pub(crate) fn gpus(text: &str) -> u32 {
    outside_brackets(text)
        .split(',')
        .filter_map(|entry| {
            let mut parts = entry.split(':');
            (parts.next()? == "gpu")
                .then_some(parts.next_back()?)?
                .parse()
                .ok()
        })
        .fold(0u32, u32::saturating_add)
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

    #[test]
    fn gpus_are_counted_over_types_and_not_over_indices() {
        assert_eq!(gpus("gpu:h100:4"), 4);
        assert_eq!(gpus("gpu:4(S:0-1)"), 4);
        assert_eq!(gpus("gpu:h100:2(IDX:0,3),gpu:a100:1(IDX:4)"), 3);
        assert_eq!(gpus("gpu:h100:0(IDX:N/A)"), 0);
        assert_eq!(gpus("nic:2,shard:8"), 0);
        assert_eq!(gpus(""), 0);
        assert_eq!(gpus("gpu"), 0);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[gpu:,()0-9IDX]{0,60}") {
            let _ = gpus(&text);
        }
    }
}
