use std::collections::BTreeSet;

use super::{AccessMode, Clock, Duty, GpuHours};
use crate::error::{Fault, LoadError};
use crate::sources::Source;
use crate::tables::{self, Countries};

/// Ten years: no call of a machine lasts longer than the machine.
const MOST_MONTHS: u32 = 120;
const MOST_DAYS: u32 = 366;

/// All modes, by id. A slip in one file keeps the whole policy from being taken.
pub(crate) fn load(
    sources: &[Source],
    countries: &Countries,
) -> Result<Vec<AccessMode>, LoadError> {
    let modes = sources.iter().map(|source| load_one(source, countries));
    let mut modes: Vec<AccessMode> = modes.collect::<Result<_, _>>()?;
    modes.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(modes)
}

fn load_one(source: &Source, countries: &Countries) -> Result<AccessMode, LoadError> {
    let mode: AccessMode = tables::parse(source)?;
    match faults(&mode, &source.name)
        .into_iter()
        .chain(of_countries(&mode, countries))
        .next()
    {
        None => Ok(mode),
        Some(reason) => Err(LoadError::new(&source.name, Fault::Table(reason))),
    }
}

fn faults(mode: &AccessMode, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    if format!("modes/{}.toml", mode.id) != name {
        found.push(format!(
            "its id is `{}`, which is not the name of its file",
            mode.id
        ));
    }
    if !mode.title.contains_key("en") {
        found.push("its title is not there in English (`en`)".to_owned());
    }
    let applicants: BTreeSet<_> = mode.applicants.value.iter().collect();
    if let Some(other) = mode
        .free_for
        .value
        .iter()
        .find(|it| !applicants.contains(it))
    {
        found.push(format!(
            "it is free for {other:?}, who is not among its applicants"
        ));
    }
    found.extend({ mode.durations_months.iter() }.filter_map(|it| of_durations(&it.value)));
    found.extend(mode.gpu_hours.iter().filter_map(|it| of_hours(it.value)));
    found.extend(
        mode.decision
            .iter()
            .filter_map(|it| of_clock(mode, it.value)),
    );
    if mode
        .cut_offs
        .as_ref()
        .is_some_and(|it| !it.value.is_in_order())
    {
        found.push("its cut-offs are not in order, or one stands twice".to_owned());
    }
    found.extend(mode.offers.iter().filter_map(|it| of_offer(&it.value)));
    found.extend({ mode.duties.iter() }.filter_map(|it| of_duty(mode, &it.value)));
    found
}

fn of_countries(mode: &AccessMode, known: &Countries) -> Option<String> {
    let codes = &mode.countries.as_ref()?.value;
    if codes.is_empty() {
        return Some(
            "it is for no country at all; leave `countries` out where there is no limit".to_owned(),
        );
    }
    // By its code and not by an alias, which is how an organisation's country is compared.
    let is_code = |code: &&String| known.find(code).is_some_and(|it| it.code == **code);
    let strange = codes.iter().find(|code| !is_code(code))?;
    Some(format!("`{strange}` is no code of tables/countries.toml"))
}

fn of_hours(hours: GpuHours) -> Option<String> {
    let (least, most) = (hours.least.unwrap_or(0), hours.most.unwrap_or(u64::MAX));
    let is_empty = least > most || hours.typical.is_some_and(|it| it < least || it > most);
    if most == 0 || hours.typical == Some(0) {
        return Some("its GPU-hours are none: leave out what is not limited".to_owned());
    }
    is_empty.then(|| "its GPU-hours leave nothing between `least` and `most`".to_owned())
}

fn of_durations(months: &[u32]) -> Option<String> {
    let in_order = months.windows(2).all(|pair| pair.first() < pair.last());
    let in_bounds = { months.iter() }.all(|it| (1..=MOST_MONTHS).contains(it));
    (months.is_empty() || !in_order || !in_bounds).then(|| {
        format!(
            "its `durations_months` are from 1 to {MOST_MONTHS}, each once and in order; leave them out where nothing is known"
        )
    })
}

fn of_clock(mode: &AccessMode, clock: Clock) -> Option<String> {
    if clock.working_days.is_some() == clock.calendar_days.is_some() {
        return Some("its decision takes either `working_days` or `calendar_days`".to_owned());
    }
    let days = clock.working_days.or(clock.calendar_days);
    if !days.is_some_and(|it| (1..=MOST_DAYS).contains(&it)) {
        return Some(format!("its decision takes from 1 to {MOST_DAYS} days"));
    }
    let from_cut_off = clock.from == super::ClockStart::CutOff;
    // Some calls have cut-offs whose days nobody has read: then there is a note.
    let is_explained = mode.decision.as_ref().is_some_and(|it| it.note.is_some());
    (from_cut_off && mode.cut_offs.is_none() && !is_explained).then(|| {
        "its clock runs from a cut-off and it has none, nor a note that says why".to_owned()
    })
}

fn of_offer(offer: &super::Offer) -> Option<String> {
    let system = &offer.system;
    let named = system.split_once('/');
    if named
        .is_none_or(|(site, system)| site.is_empty() || system.is_empty() || system.contains('/'))
    {
        return Some(format!(
            "`{system}` is no system, which is written `site/system`"
        ));
    }
    offer
        .is_empty()
        .then(|| format!("what it says of {system} ends before it begins"))
}

fn of_duty(mode: &AccessMode, duty: &Duty) -> Option<String> {
    let kind = &duty.kind;
    if duty.months_after_end.is_some() && duty.days_after_end.is_some() {
        return Some(format!(
            "its duty `{kind}` takes either `months_after_end` or `days_after_end`"
        ));
    }
    let system = duty.system.as_ref()?;
    let is_offered = mode.offers.iter().any(|it| it.value.system == *system);
    (!is_offered).then(|| format!("its duty `{kind}` is of `{system}`, where it gives no hours"))
}
