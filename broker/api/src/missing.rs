//! What a 404 says: which id was asked for, and where those that are there are listed.

use broker_model::SiteId;

use crate::request_id;

/// One kind of thing: how its ids begin, and who lists those that the caller may see. What is set for or
/// asked of another thing goes by the id of that one.
struct Kind {
    whats: &'static [&'static str],
    prefixes: &'static [&'static str],
    listed: &'static str,
}

const KINDS: [Kind; 23] = [
    kind(
        &["job", "placement"],
        &["job_"],
        "`alcyone jobs` (`GET /api/v1/jobs`) lists yours",
    ),
    kind(
        &["decision"],
        &["dec_"],
        "`alcyone show JOB` (`GET /api/v1/jobs/{id}`) names the one of a job, `alcyone application show` \
         (`GET /api/v1/applications/{id}`) those of an application",
    ),
    kind(
        &["project"],
        &["prj_"],
        "`alcyone whoami` (`GET /api/v1/projects`) lists yours",
    ),
    kind(
        &["allocation"],
        &["alc_"],
        "`alcyone site jobs SITE` (`GET /api/v1/sites/{id}/jobs`) names those of jobs at a site, \
         `alcyone whoami` (`GET /api/v1/allocations`) yours",
    ),
    kind(
        &["organisation"],
        &["org_"],
        "`alcyone organisations` (`GET /api/v1/organisations`) lists yours, \
         `alcyone site jobs SITE` (`GET /api/v1/sites/{id}/jobs`) names those of jobs at a site",
    ),
    kind(
        &["member"],
        &["per_"],
        "`alcyone project members`, `alcyone organisation members` (`GET /api/v1/projects/{id}/members`, \
         `GET /api/v1/organisations/{id}/members`) list them",
    ),
    kind(
        &["invitation"],
        &["ivt_"],
        "`alcyone invitations` (`GET /api/v1/organisations/{id}/invitations`, \
         `GET /api/v1/projects/{id}/invitations`) lists yours",
    ),
    kind(
        &["evidence", "file"],
        &["evi_"],
        "`alcyone evidence` (`GET /api/v1/organisations/{id}/evidence`) lists it with its files",
    ),
    kind(
        &["application"],
        &["app_"],
        "`alcyone applications` (`GET /api/v1/applications`) lists yours",
    ),
    kind(
        &["referral"],
        &["ref_"],
        "`alcyone referrals` (`GET /api/v1/referrals`) lists yours",
    ),
    kind(
        &["follow-up"],
        &["flw_"],
        "`alcyone follow-ups` (`GET /api/v1/follow-ups`) lists yours",
    ),
    kind(
        &["support centre"],
        &[],
        "`alcyone centres` (`GET /api/v1/support-centres`) lists them",
    ),
    kind(
        &["profile"],
        &["prf_"],
        "`alcyone matches` (`GET /api/v1/organisations/{id}/matches`) lists those that you may meet, \
         `alcyone matching show` (`GET /api/v1/organisations/{id}/profile`) your own",
    ),
    kind(
        &["policy"],
        &["sha256:"],
        "`alcyone policy list` (`GET /api/v1/policies`) lists them",
    ),
    kind(
        &["access mode"],
        &[],
        "`alcyone modes` (`GET /api/v1/access-modes`) lists them",
    ),
    kind(&["drain", "drain that is not over"], &["drn_"], SET),
    kind(&["incident", "incident that is not over"], &["inc_"], SET),
    kind(&["capacity window"], &["win_"], SET),
    kind(&["veto"], &["vet_"], SET),
    kind(&["limit"], &["org_"], SET),
    kind(
        &["agent", "invite"],
        &["agt_", "inv_"],
        "`alcyone site agents SITE` and `alcyone site invites SITE` (`GET /api/v1/sites/{id}/agents`, \
         `…/invites`) list them",
    ),
    kind(
        &["confirmation"],
        &["job_"],
        "`alcyone site confirmations SITE` (`GET /api/v1/sites/{id}/confirmations`) or at the site \
         `alcyone-agent confirm --list` lists what waits",
    ),
    kind(
        &["handoff"],
        &["job_", "att_"],
        "`alcyone site handoffs SITE` (`GET /api/v1/sites/{id}/handoffs`) or at the site \
         `alcyone-agent handoff list` lists what is carried there",
    ),
];

const SET: &str =
    "`alcyone site show SITE` (`GET /api/v1/sites/{id}/controls`) lists what is set there";

const fn kind(
    whats: &'static [&'static str],
    prefixes: &'static [&'static str],
    listed: &'static str,
) -> Kind {
    Kind {
        whats,
        prefixes,
        listed,
    }
}

fn of(what: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.whats.contains(&what))
}

/// The words, with the id that the address of the request names.
pub(crate) fn detail(what: &str) -> String {
    let asked = request_id::target().unwrap_or_default();
    words(what, in_target(what, &asked))
}

/// The words where the body named it; `None` when the id is of another kind of thing.
pub(crate) fn detail_of(what: &str, id: &str) -> Option<String> {
    let kind = of(what)?;
    let is_it = kind.prefixes.iter().any(|prefix| id.starts_with(prefix));
    is_it.then(|| words(what, Some(id)))
}

/// Where to look for what is there.
pub(crate) fn remedy(what: &str) -> Option<&'static str> {
    match what {
        "site" => Some("`alcyone sites` (`GET /api/v1/sites`) lists them"),
        "site that you administer" => {
            Some("`alcyone whoami` (`GET /api/v1/whoami`) shows your roles with their sites")
        }
        "terms document" => Some("`alcyone terms` (`GET /api/v1/terms`) lists those in force"),
        what => of(what).map(|kind| kind.listed),
    }
}

fn words(what: &str, id: Option<&str>) -> String {
    match id {
        Some(id) => format!("there is no such {what}: {id}"),
        None => format!("there is no such {what}"),
    }
}

/// The last part of path and query that is an id of this kind. Only what has the form of one is said
/// again.
fn in_target<'a>(what: &str, target: &'a str) -> Option<&'a str> {
    let mut parts = target.split(['/', '?', '&', '=']);
    if what.starts_with("site") {
        let site = parts.skip_while(|part| *part != "sites").nth(1)?;
        return site.parse::<SiteId>().is_ok().then_some(site);
    }
    let kind = of(what)?;
    let is_it = |part: &&str| {
        let hex = kind.prefixes.iter().find_map(|it| part.strip_prefix(it));
        hex.is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    parts.rfind(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0192f0c1d2e37abc8def0123456789ab";

    #[test]
    fn what_is_missing_is_named_by_the_id_that_was_asked_for() {
        let target = format!("/api/v1/sites/lumi/drains/drn_{HEX}/end?cursor=job_{HEX}");
        let named = |what| in_target(what, &target).map(str::to_owned);
        assert_eq!(named("drain that is not over"), Some(format!("drn_{HEX}")));
        assert_eq!(named("site"), Some("lumi".to_owned()));
        assert_eq!(named("site that you administer"), Some("lumi".to_owned()));
        assert_eq!(named("job"), Some(format!("job_{HEX}")));
        assert_eq!(named("veto"), None);
        assert_eq!(in_target("job", "/api/v1/jobs/job_%00"), None);
        assert_eq!(in_target("site", "/api/v1/sites/%3Cb%3E"), None);
    }

    #[test]
    fn an_id_of_the_body_is_said_of_its_own_kind_only() {
        let id = format!("alc_{HEX}");
        let said = detail_of("allocation", &id).unwrap();
        assert_eq!(said, format!("there is no such allocation: {id}"));
        assert_eq!(detail_of("site", &id), None);
    }

    #[test]
    fn every_kind_of_thing_says_where_it_is_listed() {
        let all = KINDS.iter().flat_map(|kind| kind.whats);
        for what in all.chain(&["site", "site that you administer", "terms document"]) {
            assert!(remedy(what).unwrap().contains("`alcyone "), "{what}");
        }
        assert_eq!(remedy("entry"), None);
    }
}
