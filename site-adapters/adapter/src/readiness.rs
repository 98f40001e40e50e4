use broker_model::{PartitionSnapshot, SiteReadiness};

/// What a site's partitions together say of it: ready while all take jobs, limited while some do, and
/// draining when none does; with the closed ones and why each is.
pub fn readiness_of(partitions: &[PartitionSnapshot]) -> (SiteReadiness, Option<String>) {
    let closed: Vec<String> = partitions
        .iter()
        .filter(|partition| !partition.accepting)
        .map(|partition| {
            let why = partition.reason.as_deref().unwrap_or("closed");
            format!("{} ({why})", partition.partition)
        })
        .collect();
    let reason = || Some(format!("takes no jobs: {}", closed.join(", ")));
    match (closed.len(), partitions.len()) {
        (0, _) => (SiteReadiness::Ready, None),
        (closed, all) if closed == all => (SiteReadiness::Draining, reason()),
        _ => (SiteReadiness::Limited, reason()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(name: &str, closed: Option<&str>) -> PartitionSnapshot {
        let reason = closed.filter(|why| !why.is_empty());
        let partition = serde_json::json!({
            "system": "lumi", "partition": name, "accepting": closed.is_none(), "reason": reason,
            "nodes_total": 2, "nodes_free": 1, "jobs_queued": 0, "jobs_running": 1,
        });
        serde_json::from_value(partition).unwrap()
    }

    #[test]
    fn a_site_is_ready_while_all_of_its_partitions_take_jobs() {
        let all = [partition("cpu", None), partition("gpu", None)];
        assert_eq!(readiness_of(&all), (SiteReadiness::Ready, None));
        assert_eq!(readiness_of(&[]), (SiteReadiness::Ready, None));
    }

    #[test]
    fn a_site_with_a_closed_partition_is_limited_and_says_which_and_why() {
        let some = [partition("cpu", None), partition("gpu", Some("down"))];
        let reason = Some("takes no jobs: gpu (down)".to_owned());
        assert_eq!(readiness_of(&some), (SiteReadiness::Limited, reason));
    }

    #[test]
    fn a_site_that_takes_no_jobs_anywhere_is_draining() {
        let none = [partition("cpu", Some("")), partition("gpu", Some("down"))];
        let reason = Some("takes no jobs: cpu (closed), gpu (down)".to_owned());
        assert_eq!(readiness_of(&none), (SiteReadiness::Draining, reason));
    }
}
