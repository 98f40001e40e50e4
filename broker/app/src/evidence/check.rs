use std::collections::BTreeSet;

use broker_model::{
    EntryKind, Evidence, EvidenceCheck, EvidenceFinding, EvidenceId, OrganisationId,
};

use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Result};

const LONGEST_WORDS: usize = 2000;

impl Broker {
    /// Accepts or refuses evidence with the files that were looked at; one that came since is looked at first.
    /// Nobody judges what their own organisation handed in, and what was judged before only who says that they know.
    pub async fn check_evidence(
        &self,
        caller: &Caller,
        (of, id): (OrganisationId, EvidenceId),
        finding: EvidenceFinding,
    ) -> Result<Evidence> {
        let mut evidence = self.one_evidence(caller, (of, id)).await?;
        self.check_reviews(caller, of).await?;
        let is_theirs = [evidence.added_by, evidence.person];
        if is_theirs.contains(&Some(caller.person)) {
            return Err(Error::ConflictOfInterest);
        }
        let mut faults = Faults::default();
        faults.check_text("words", &finding.words, LONGEST_WORDS);
        faults.check("evidence")?;
        if let Some(at) = evidence.withdrawn_at {
            let words = format!("the organisation took it back at {at}");
            return Err(Error::NotWaiting(words));
        }
        if let Some(earlier) = evidence.check.as_ref().filter(|_| !finding.again) {
            return Err(Error::NotWaiting(found_already(earlier)));
        }
        let shown = check_shown(&evidence, finding.files.as_deref())?;
        let now = self.inner.clock.now();
        let entry = { self.organisation_entry(EntryKind::EvidenceChecked, (caller, of)) }
            .with("evidence", id.to_string())
            .with("evidence_kind", evidence.kind.0.clone())
            .with("files_sha256", shown);
        let entry = match evidence.person {
            None => entry.with("accepted", finding.accepted),
            Some(_) => entry,
        };
        // A setup file finds evidence good without a finding.
        let is_or_was = finding.accepted || evidence.is_checked();
        evidence.accepted_at = evidence.first_accepted(is_or_was.then_some(now));
        evidence.checked_by = finding.accepted.then(|| caller.person.to_string());
        evidence.check = Some(EvidenceCheck {
            accepted: finding.accepted,
            words: finding.words.trim().to_owned(),
            by: caller.person,
            at: now,
        });
        self.commit_evidence(evidence, entry).await
    }
}

/// The digests of the files that are judged, in order: those that it has. Whoever says which they looked at is
/// refused where others are there.
fn check_shown(evidence: &Evidence, looked_at: Option<&[String]>) -> Result<Vec<String>> {
    let has: BTreeSet<&str> = evidence.files.iter().map(|it| it.sha256.as_str()).collect();
    let seen = looked_at.map(|all| all.iter().map(String::as_str).collect::<BTreeSet<&str>>());
    if seen.is_none_or(|seen| seen == has) {
        return Ok(has.into_iter().map(str::to_owned).collect());
    }
    let names: Vec<&str> = has.into_iter().collect();
    let names = match names.as_slice() {
        [] => "it has no file".to_owned(),
        names => format!("it has {}", names.join(", ")),
    };
    Err(Error::NotWaiting(format!(
        "its files are not those that were looked at: {names}; look at them, and judge it with their digests"
    )))
}

fn found_already(earlier: &EvidenceCheck) -> String {
    let found = if earlier.accepted {
        "accepted"
    } else {
        "refused"
    };
    format!(
        "it was {found} at {} by {}: to find otherwise, say that it is found again (`--again`, `again` = true)",
        earlier.at, earlier.by
    )
}
