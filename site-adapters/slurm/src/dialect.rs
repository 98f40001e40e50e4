//! What a version of slurmrestd's API does differently from another, in one place.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A version of slurmrestd's API, `v0.0.38` to `v0.0.45`; each Slurm release speaks three or four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion(u8);

impl ApiVersion {
    const OLDEST: u8 = 38;
    const NEWEST: u8 = 45;

    /// All that this adapter speaks, the newest first.
    pub(crate) fn newest_first() -> impl Iterator<Item = Self> {
        (Self::OLDEST..=Self::NEWEST).rev().map(Self)
    }

    /// v0.0.38 and older: plain numbers, unknown fields refused, one record per job id in slurmdb.
    const fn is_old(self) -> bool {
        self.0 <= 38
    }

    /// v0.0.39 has the data of the new API and v0.0.38's reader of slurmdb's queries: unknown keys are
    /// refused, and every record of an id is told unasked (SchedMD/slurm, `dbv0.0.39/jobs.c`).
    const fn queries_as_the_old(self) -> bool {
        self.0 <= 39
    }

    /// `jobs/state/` came with Slurm 24.05; 23.11 speaks v0.0.40 without it.
    pub(crate) const fn may_have_job_states(self) -> bool {
        self.0 >= 40
    }

    /// A number in a submission. Without `"set": true` it is dropped without a word.
    pub(crate) fn number(self, number: u64) -> Value {
        if self.is_old() {
            return json!(number);
        }
        json!({"set": true, "infinite": false, "number": number})
    }

    pub(crate) fn nodes(self, nodes: u32) -> Value {
        if self.is_old() {
            // A list of two equal numbers is taken as one node by 22.05.
            return json!(nodes);
        }
        json!(nodes.to_string())
    }

    pub(crate) fn environment(self, variables: &[(&str, String)]) -> Value {
        if self.is_old() {
            let pairs = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), json!(value)));
            return Value::Object(pairs.collect());
        }
        variables
            .iter()
            .map(|(name, value)| json!(format!("{name}={value}")))
            .collect()
    }

    /// Key and value that ask for GPUs on each node. The other version's key is refused by the old
    /// API and ignored with a warning by the new one: the job would run without GPUs.
    pub(crate) fn gpus(self, kind: Option<&str>, count: u32) -> (&'static str, Value) {
        let typed = kind.map_or_else(String::new, |kind| format!("{kind}:"));
        if self.is_old() {
            return ("gres", json!(format!("gpu:{typed}{count}")));
        }
        if self.0 == 39 {
            // As others' recordings of 23.02 have it in jobs; `gres/` came with 23.11.
            return ("tres_per_node", json!(format!("gres:gpu:{typed}{count}")));
        }
        ("tres_per_node", json!(format!("gres/gpu:{typed}{count}")))
    }

    pub(crate) fn whole_nodes(self) -> (&'static str, Value) {
        if self.is_old() {
            return ("exclusive", json!("exclusive"));
        }
        ("shared", json!(["none"]))
    }

    /// Whether Slurm may start the job a second time, after a node failed or on a preemption; by
    /// itself it does. 22.05 takes `"requeue": false` and does not heed it.
    pub(crate) fn requeue(self, may: bool) -> (&'static str, Value) {
        if self.is_old() && !may {
            return ("no_requeue", json!(true));
        }
        ("requeue", json!(may))
    }

    /// Tasks and pieces write to one log: by itself each would begin by emptying it.
    pub(crate) fn append(self) -> Value {
        if self.is_old() {
            return json!("append");
        }
        json!(["APPEND"])
    }

    /// Ends a job whose dependency can no longer come true; by itself it waits for ever.
    pub(crate) fn kill_invalid_dependency(self) -> (&'static str, Value) {
        if self.is_old() {
            return ("kill_on_invalid_dependency", json!(true));
        }
        ("flags", json!(["KILL_INVALID_DEPENDENCY"]))
    }

    /// The body of `job/submit` from the script and the job's fields.
    pub(crate) fn submission(self, script: &str, mut job: Map<String, Value>) -> Value {
        if self.0 <= 39 {
            return json!({"script": script, "job": job});
        }
        job.insert("script".to_owned(), json!(script));
        json!({"job": job})
    }

    /// Query of slurmdb's `jobs` for these job ids, all records of each where the version can.
    pub(crate) fn ids_query(self, ids: &[&str]) -> Vec<(&'static str, String)> {
        let mut query = self.id_list("step", ids);
        query.push(("skip_steps", "true".to_owned()));
        if !self.queries_as_the_old() {
            query.push(("show_duplicates", "true".to_owned()));
        }
        query
    }

    /// Several ids: one list in the old API; one parameter each in the new, which refuses a comma.
    pub(crate) fn id_list(self, name: &'static str, ids: &[&str]) -> Vec<(&'static str, String)> {
        if self.queries_as_the_old() {
            return vec![(name, ids.join(","))];
        }
        ids.iter().map(|id| (name, (*id).to_owned())).collect()
    }

    /// Query of slurmdb's `jobs` for a job's name, among the jobs submitted since a time.
    ///
    /// By submit time: the default, by time of use, leaves out jobs that are held. The old API knows
    /// only the site's local time, hence its wide margin.
    pub(crate) fn name_query(self, name: &str, since: Timestamp) -> Vec<(&'static str, String)> {
        let margin = jiff::SignedDuration::from_hours(if self.0 < 42 { 30 } else { 1 });
        let since = since.saturating_sub(margin).unwrap_or(since);
        let mut query = vec![
            ("job_name", name.to_owned()),
            ("skip_steps", "true".to_owned()),
        ];
        if !self.queries_as_the_old() {
            // The pieces of a job that was requeued; the others tell them unasked.
            query.push(("show_duplicates", "true".to_owned()));
        }
        let iso = jiff::fmt::strtime::format("%Y-%m-%dT%H:%M:%S", since);
        match iso {
            Ok(iso) if self.0 < 42 => query.push(("submit_time", iso)),
            _ => {
                query.push(("usage_time_as_submit_time", "true".to_owned()));
                query.push(("start_time", since.as_second().to_string()));
            }
        }
        query
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v0.0.{}", self.0)
    }
}

impl FromStr for ApiVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_prefix("v0.0.")
            .and_then(|minor| minor.parse().ok())
            .filter(|minor| (Self::OLDEST..=Self::NEWEST).contains(minor))
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "`{}` is not `v0.0.{}` to `v0.0.{}`",
                    text.chars().take(20).collect::<String>(),
                    Self::OLDEST,
                    Self::NEWEST
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ApiVersion {
        text.parse().unwrap()
    }

    #[test]
    fn gpus_are_asked_for_under_the_key_that_the_version_heeds() {
        assert_eq!(
            version("v0.0.38").gpus(Some("h100"), 2),
            ("gres", json!("gpu:h100:2"))
        );
        assert_eq!(
            version("v0.0.42").gpus(None, 2),
            ("tres_per_node", json!("gres/gpu:2"))
        );
    }

    #[test]
    fn a_number_is_always_marked_as_set() {
        assert_eq!(version("v0.0.38").number(5), json!(5));
        assert_eq!(
            version("v0.0.40").number(5),
            json!({"set": true, "infinite": false, "number": 5})
        );
    }

    /// slurmdb's `jobs` without times tells of what is in a state just now; 22.05 reads no epoch.
    #[test]
    fn a_name_is_searched_since_a_time_in_the_versions_own_way() {
        let since = Timestamp::from_second(1_795_173_809).unwrap();
        let query = |text: &str| version(text).name_query("m", since);
        for old in ["v0.0.38", "v0.0.40", "v0.0.41"] {
            let (_, time) = query(old).pop().unwrap();
            assert_eq!(
                time, "2026-11-19T05:23:29",
                "{old}: a day's margin for the zone"
            );
        }
        let new = query("v0.0.42");
        assert_eq!(
            new.last().unwrap(),
            &("start_time", "1795170209".to_owned())
        );
        assert!(new.contains(&("usage_time_as_submit_time", "true".to_owned())));
        let ids = |text: &str| version(text).ids_query(&["1", "2"]);
        assert_eq!(ids("v0.0.38")[0], ("step", "1,2".to_owned()));
        assert_eq!(ids("v0.0.42")[1], ("step", "2".to_owned()));
    }

    /// No server that speaks it could be had: the accounting is asked as `SchedMD`'s source says, and
    /// others' recordings of 23.02 have jobs with `tres_per_node` as `gres:gpu:8`.
    #[test]
    fn v0_0_39_is_written_as_source_neighbours_and_recordings_of_others_say() {
        let (old, unseen, new) = (version("v0.0.38"), version("v0.0.39"), version("v0.0.40"));
        assert_eq!(
            unseen.submission("x", Map::new()),
            old.submission("x", Map::new())
        );
        assert_eq!(unseen.number(5), new.number(5));
        let gpus = |kind| unseen.gpus(kind, 2);
        assert_eq!(gpus(None), ("tres_per_node", json!("gres:gpu:2")));
        assert_eq!(
            gpus(Some("a100")),
            ("tres_per_node", json!("gres:gpu:a100:2"))
        );
        let since = Timestamp::from_second(1_795_173_809).unwrap();
        let ids = |version: ApiVersion| version.ids_query(&["1", "2"]);
        let name = |version: ApiVersion| version.name_query("m", since);
        assert_eq!(ids(unseen), ids(old), "unknown keys are refused there");
        assert_eq!(name(unseen), name(old));
        let asks = ("show_duplicates", "true".to_owned());
        assert!(ids(new).contains(&asks) && name(new).contains(&asks));
        assert_eq!(
            unseen.kill_invalid_dependency(),
            new.kill_invalid_dependency()
        );
        assert!(!unseen.may_have_job_states(), "it came with 24.05");
    }

    #[test]
    fn an_unknown_version_is_refused_with_what_is_known() {
        for bad in ["v0.0.37", "v0.0.46", "latest", "v0.0.420", ""] {
            assert!(bad.parse::<ApiVersion>().is_err(), "{bad}");
        }
        assert_eq!(version("v0.0.45").to_string(), "v0.0.45");
    }
}
