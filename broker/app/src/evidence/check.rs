use broker_model::{
    EntryKind, Evidence, EvidenceCheck, EvidenceFinding, EvidenceId, OrganisationId,
};

use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Result};

const LONGEST_WORDS: usize = 2000;

impl Broker {
    /// Accepts or refuses evidence. Nobody judges what their own organisation handed in, and what was judged before
    /// only who says that they know.
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
        if let Some(earlier) = evidence.check.as_ref().filter(|_| !finding.again) {
            return Err(Error::NotWaiting(found_already(earlier)));
        }
        let now = self.inner.clock.now();
        let entry = { self.organisation_entry(EntryKind::EvidenceChecked, (caller, of)) }
            .with("evidence", id.to_string())
            .with("evidence_kind", evidence.kind.0.clone())
            .with("accepted", finding.accepted);
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
