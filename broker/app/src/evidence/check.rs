use std::collections::BTreeSet;

use broker_model::{
    EntryKind, Evidence, EvidenceCheck, EvidenceFinding, EvidenceId, OrganisationId,
};

use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Result};

const LONGEST_WORDS: usize = 2000;

impl Broker {
    /// Accepts or refuses evidence with the files that were looked at; one that came since is looked at first.
    /// Nobody judges what their own organisation handed in.
    pub async fn check_evidence(
        &self,
        caller: &Caller,
        (of, id): (OrganisationId, EvidenceId),
        finding: EvidenceFinding,
    ) -> Result<Evidence> {
        let mut evidence = self.one_evidence(caller, (of, id)).await?;
        self.check_reviews(caller, of).await?;
        if evidence.added_by == Some(caller.person) {
            return Err(Error::ConflictOfInterest);
        }
        let mut faults = Faults::default();
        faults.check_text("words", &finding.words, LONGEST_WORDS);
        faults.check("evidence")?;
        if let Some(at) = evidence.withdrawn_at {
            let words = format!("the organisation took it back at {at}");
            return Err(Error::NotWaiting(words));
        }
        let shown = check_shown(&evidence, &finding.files)?;
        let now = self.inner.clock.now();
        let entry = { self.organisation_entry(EntryKind::EvidenceChecked, (caller, of)) }
            .with("evidence", id.to_string())
            .with("evidence_kind", evidence.kind.0.clone())
            .with("accepted", finding.accepted)
            .with("files_sha256", shown);
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

/// The digests of the files that are judged, in order: those that it has, and no others.
fn check_shown(evidence: &Evidence, looked_at: &[String]) -> Result<Vec<String>> {
    let has: BTreeSet<&str> = evidence.files.iter().map(|it| it.sha256.as_str()).collect();
    let seen: BTreeSet<&str> = looked_at.iter().map(String::as_str).collect();
    if has == seen {
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
