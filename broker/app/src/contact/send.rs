use broker_model::{
    CentreId, ContactNeed, EntryBody, EntryKind, Job, Organisation, OrganisationId, Referral,
    ReferralDraft,
};
use broker_store::Change;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use policy_engine::day_in_brussels;

use super::directory::{Directory, SupportCentre};
use super::evidence::has_failed;
use super::find::check_need;
use crate::dossiers::filed;
use crate::invalid::Faults;
use crate::{Broker, Caller, Error, Order, Result};

const LONGEST_WORDS: usize = 4000;
/// More that are open at once are of no use to an organisation, and would hide those of others at a centre.
const MOST_OPEN: usize = 20;
/// What was withdrawn counts here: each of them came to a centre's desk.
const MOST_IN_A_MONTH: usize = 60;
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Broker {
    /// Sends an organisation to a centre: by who speaks for it, or with a job that failed by a member of
    /// its project.
    pub async fn send_referral<'o>(
        &self,
        caller: &Caller,
        order: impl Into<Order<'o, ReferralDraft, Referral>>,
    ) -> Result<Referral> {
        let Order { draft, once } = order.into();
        let (organisation, job) = self.sender(caller, draft).await?;
        let mut need = self.plain_need(&draft.need);
        need.country = need.country.or(Some(organisation.country));
        need.size = need.size.or(Some(organisation.size));
        let directory = self.directory();
        let today = day_in_brussels(self.inner.clock.now());
        let draft = ReferralDraft {
            need,
            ..draft.clone()
        };
        let centre = check(&directory, &draft, (job.as_ref(), today))?;
        self.check_referral_room(organisation.id, &draft).await?;
        let attached = match &job {
            Some(job) => Some(Box::new(self.failure_of(job).await?)),
            None => None,
        };
        let mut referral = Referral {
            id: self.inner.ids.next(&*self.inner.clock),
            organisation: organisation.id,
            need: draft.need,
            words: draft.words.trim().to_owned(),
            job: attached,
            project: job.as_ref().map(|it| it.spec.project),
            legs: vec![self.leg_to(caller, centre)],
            version: 0,
        };
        let mut entry = self.referral_entry(EntryKind::ReferralSent, (caller, &referral));
        if let Some(job) = &job {
            entry = entry.with("job", job.id.to_string());
        }
        let mut writes = vec![filed(&referral)];
        writes.extend(once.and_then(|it| it.remember(&referral, entry.at)));
        let entries = vec![entry];
        self.commit(Change { writes, entries }).await?;
        referral.version = 1;
        Ok(referral)
    }

    async fn check_referral_room(&self, of: OrganisationId, new: &ReferralDraft) -> Result<()> {
        let all: Vec<Referral> = self.readable_of(of).await?;
        if let Some(first) = all.iter().find(|it| asks_the_same(it, new)) {
            return Err(Error::AlreadySo(format!(
                "{} is open at {} with the same need: wait for its answer, or withdraw it first",
                first.id, new.centre
            )));
        }
        if all.iter().filter(|it| it.is_open()).count() >= MOST_OPEN {
            return Err(Error::AlreadySo(format!(
                "{MOST_OPEN} referrals of the organisation are open already: withdraw those that it does not need"
            )));
        }
        let since = self.inner.clock.now().saturating_sub(MONTH);
        let since = since.unwrap_or(Timestamp::MIN);
        let lately =
            { all.iter() }.filter(|it| it.legs.first().is_some_and(|leg| leg.sent_at > since));
        if lately.count() >= MOST_IN_A_MONTH {
            return Err(Error::AlreadySo(format!(
                "{MOST_IN_A_MONTH} referrals of the organisation were sent within 30 days, those that were withdrawn \
                 among them: more are taken as days pass"
            )));
        }
        Ok(())
    }

    /// For whom the caller may send it, and with which job.
    async fn sender(
        &self,
        caller: &Caller,
        draft: &ReferralDraft,
    ) -> Result<(Organisation, Option<Job>)> {
        let Some(id) = draft.job else {
            let Some(organisation) = draft.organisation else {
                let mut faults = Faults::default();
                let allowed = "one that you speak for, or a `job` that failed";
                faults.add("organisation", "is missing", allowed);
                return Err(faults.into_error("referral"));
            };
            return Ok((self.represented(caller, organisation).await?, None));
        };
        let job = self.job(caller, id).await?;
        if !caller.may_use(job.spec.project) {
            return Err(Error::Forbidden("`member` of this project"));
        }
        let project = self.inner.store.find_project(job.spec.project).await?;
        let of = project.ok_or(Error::NotFound("project"))?.organisation;
        if draft.organisation.is_some_and(|it| it != of) {
            let mut faults = Faults::default();
            let reason = "is not the one that the job is of";
            faults.add("organisation", reason, "none, or that of the job");
            return Err(faults.into_error("referral"));
        }
        let organisation = self.inner.store.find_organisation(of).await?;
        let organisation = organisation.ok_or(Error::NotFound("organisation"))?;
        Ok((organisation, Some(job)))
    }

    /// An entry on a referral as it is: who and where by id, and for how long it has been there.
    pub(super) fn referral_entry(
        &self,
        kind: EntryKind,
        (caller, referral): (&Caller, &Referral),
    ) -> EntryBody {
        let mut entry = { self.organisation_entry(kind, (caller, referral.organisation)) }
            .with("referral", referral.id.to_string());
        entry.project = referral.project;
        let Some(leg) = referral.leg() else {
            return entry;
        };
        let seconds = entry.at.duration_since(leg.sent_at).as_secs();
        entry
            .with("centre", leg.centre.to_string())
            .with("leg", referral.legs.len())
            .with("seconds_since_sent", seconds)
    }
}

/// Lies open at the very centre for the very need; what asks about another job is another one.
fn asks_the_same(open: &Referral, new: &ReferralDraft) -> bool {
    open.is_open()
        && open.leg().is_some_and(|it| it.centre == new.centre)
        && open.need == new.need
        && open.job.as_ref().map(|it| it.job) == new.job
}

/// The centre, if nothing is wrong with what is handed in.
fn check<'d>(
    directory: &'d Directory,
    draft: &ReferralDraft,
    (job, today): (Option<&Job>, Date),
) -> Result<&'d SupportCentre> {
    let mut faults = Faults::default();
    faults.check_text("words", &draft.words, LONGEST_WORDS);
    if let Some(job) = job.filter(|it| !has_failed(it)) {
        let reason = format!("is {}", job.state.name().as_str());
        faults.add("job", reason, "one that failed or ran out of its time");
    }
    check_need(directory, &draft.need, &mut faults);
    let centre = find(directory, ("centre", &draft.centre), &mut faults);
    faults.check("referral")?;
    check_offers(directory, (&draft.need, today), ("centre", &draft.centre)).check("referral")?;
    centre.ok_or(Error::NotFound("support centre"))
}

/// That a centre can help with it at all; the fault tells why not, and names those that can.
pub(super) fn check_offers(
    directory: &Directory,
    (need, today): (&ContactNeed, Date),
    (field, centre): (&str, &CentreId),
) -> Faults {
    let mut faults = Faults::default();
    let ranking = directory.rank(need, today);
    if let Some(out) = ranking.cannot.iter().find(|it| it.centre == *centre) {
        let why = out.why.iter().filter_map(|it| it.words.values().next());
        let why = why.map(String::as_str).collect::<Vec<_>>().join(" ");
        let able = ranking.centres.iter().map(|it| it.centre.as_str());
        faults.add(field, why, &able.collect::<Vec<_>>().join(", "));
    }
    faults
}

/// A centre of the directory; the fault names all there are.
pub(super) fn find<'d>(
    directory: &'d Directory,
    (field, id): (&str, &CentreId),
    faults: &mut Faults,
) -> Option<&'d SupportCentre> {
    let found = directory.centre(id);
    if found.is_none() {
        let known: Vec<&str> = directory
            .centres()
            .iter()
            .map(|it| it.id.as_str())
            .collect();
        let reason = format!("there is no support centre `{id}`");
        faults.add(field, reason, &known.join(", "));
    }
    found
}
