use std::io::Write;

use broker_client::Client;
use broker_client::wire::{
    AccessModeView, ClockView, CutOffsView, DueView, DutyView, GpuHoursView, OfferView, RouteView,
    SourcedView,
};

use crate::exit::Failure;
use crate::print;

pub(crate) async fn run(
    client: &Client,
    id: Option<&str>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let mut modes = client.access_modes().await?.items;
    if let Some(id) = id {
        modes.retain(|mode| mode.id == id);
        if modes.is_empty() {
            let words = format!("there is no access mode `{id}`; `alcyone modes` lists them");
            return Err(Failure::Usage(words).into());
        }
    }
    if json {
        print::json(&modes, out)?;
        return Ok(0);
    }
    match (id, modes.first()) {
        (Some(_), Some(mode)) => one((mode, client.language()), out)?,
        _ => all(&modes, out)?,
    }
    Ok(0)
}

fn all(modes: &[AccessModeView], out: &mut impl Write) -> anyhow::Result<()> {
    let rows: Vec<Vec<String>> = modes.iter().map(row).collect();
    let head = [
        "MODE",
        "FOR",
        "FREE FOR",
        "GPU-HOURS",
        "MONTHS",
        "DECIDED BY",
        "OPEN AT",
        "CLOSED AT",
    ];
    print::table(&head, &rows, out)?;
    writeln!(
        out,
        "`alcyone modes MODE` tells where each value comes from and how sure it is"
    )?;
    Ok(())
}

fn row(mode: &AccessModeView) -> Vec<String> {
    let at = |state: &str| {
        let offers = mode.offers.iter().map(|it| &it.value);
        let systems: Vec<&str> = offers
            .filter(|it| it.state == state)
            .map(|it| it.system.as_str())
            .collect();
        listed(&systems)
    };
    let months = mode.durations_months.as_ref().map(|it| listed(&it.value));
    vec![
        mode.id.clone(),
        listed(&mode.applicants.value),
        listed(&mode.free_for.value),
        mode.gpu_hours
            .as_ref()
            .map_or_else(unknown, |it| hours(it.value)),
        months.unwrap_or_else(unknown),
        mode.decided_by.as_ref().map_or_else(unknown, due),
        at("open"),
        at("closed"),
    ]
}

/// Every value of one mode, each with its source.
fn one((mode, language): (&AccessModeView, &str), out: &mut impl Write) -> anyhow::Result<()> {
    let title = { mode.title.get(language) }.or_else(|| mode.title.get("en"));
    let title = title.unwrap_or(&mode.id);
    let (id, family, on) = (&mode.id, spaced(&mode.family), mode.on);
    let site = { mode.site.as_ref() }.map_or_else(String::new, |site| format!(" of {site}"));
    writeln!(out, "{id}: {title} ({family}{site}), on {on}")?;
    let mut lines = vec![
        line("for", &mode.applicants, |it| listed(it)),
        line("free for", &mode.free_for, |it| listed(it)),
    ];
    lines.extend(
        mode.share
            .iter()
            .map(|it| line("hours of the share", it, Clone::clone)),
    );
    lines.extend(
        mode.code
            .iter()
            .map(|it| line("in project ids", it, Clone::clone)),
    );
    let one_system = |it: &bool| if *it { "one" } else { "several" }.to_owned();
    lines.extend(
        { mode.single_system.iter() }.map(|it| line("systems of an application", it, one_system)),
    );
    lines.extend(
        mode.cut_offs
            .iter()
            .map(|it| line("cut-offs", it, cut_offs)),
    );
    lines.extend(
        mode.gpu_hours
            .iter()
            .map(|it| line("GPU-hours", it, |it| hours(*it))),
    );
    lines.extend(
        mode.durations_months
            .iter()
            .map(|it| line("months", it, |it| listed(it))),
    );
    lines.extend(
        mode.selection
            .iter()
            .map(|it| line("selection", it, |it| spaced(it))),
    );
    lines.extend(mode.decision.iter().map(|it| line("decision", it, clock)));
    lines.extend(mode.offers.iter().map(|it| line("offered", it, offer)));
    lines.extend(
        mode.documents
            .iter()
            .map(|it| line("asked for", it, |it| spaced(it))),
    );
    lines.extend(mode.duties.iter().map(|it| line("owed", it, duty)));
    for line in lines {
        writeln!(out, "{line}")?;
    }
    when(mode, out)
}

/// What a person who applies today has to reckon with.
fn when(mode: &AccessModeView, out: &mut impl Write) -> anyhow::Result<()> {
    if let Some(next) = mode.next_cut_off {
        writeln!(out, "the next cut-off is {next}")?;
    } else if mode.cut_offs.is_some() {
        writeln!(out, "no further cut-off is known")?;
    }
    if mode.offers.iter().all(|it| it.value.state != "open") {
        writeln!(out, "it is open at no system, so nothing is decided now")?;
    }
    let Some(decided_by) = &mode.decided_by else {
        return Ok(());
    };
    writeln!(
        out,
        "an application of today is decided by {}",
        due(decided_by)
    )?;
    for day in &decided_by.holidays {
        let (on, name, confidence, source) = (day.on, &day.name, &day.confidence, &day.source);
        writeln!(out, "  {on} {name} ({confidence}; {source})")?;
    }
    Ok(())
}

/// The same of one mode at one system, as a route has it.
pub(super) fn of_route(route: &RouteView) -> Vec<String> {
    let state = |it: &OfferView| match route.since {
        Some(day) if it.since.is_none() => format!("{} since {day}", offer(it)),
        _ => offer(it),
    };
    let mut lines = vec![line("offered", &route.offer, state)];
    lines.extend({ route.share.iter() }.map(|it| line("hours of the share", it, Clone::clone)));
    lines.extend({ route.gpu_hours.iter() }.map(|it| line("GPU-hours", it, |it| hours(*it))));
    let months = route.durations_months.iter();
    lines.extend(months.map(|it| line("months", it, |it| listed(it))));
    lines.push(format!("costs: {}", spaced(&route.cost)));
    lines.extend({ route.documents.iter() }.map(|it| line("asked for", it, |it| spaced(it))));
    lines.extend({ route.duties.iter() }.map(|it| line("owed", it, duty)));
    let due = route.decided_by.as_ref().map_or_else(unknown, due);
    lines.push(format!("an application of today is decided by: {due}"));
    lines
}

fn line<T>(what: &str, it: &SourcedView<T>, words: impl Fn(&T) -> String) -> String {
    let (value, source, confidence, day) =
        (words(&it.value), &it.source, &it.confidence, it.checked_on);
    let note = it
        .note
        .as_ref()
        .map_or_else(String::new, |note| format!("\n  {note}"));
    format!("{what}: {value}{note}\n  {confidence}, {day}: {source}")
}

fn hours(hours: GpuHoursView) -> String {
    match (hours.least, hours.most, hours.typical) {
        (Some(least), Some(most), _) => format!("{least} to {most}"),
        (None, Some(most), _) => format!("up to {most}"),
        (Some(least), None, _) => format!("from {least}"),
        (None, None, Some(typical)) => format!("about {typical}"),
        (None, None, None) => unknown(),
    }
}

fn clock(clock: &ClockView) -> String {
    let from = spaced(&clock.from);
    match (clock.working_days, clock.calendar_days) {
        (Some(days), _) => format!("within {days} working days of the {from}"),
        (None, Some(days)) => format!("within {days} days of the {from}"),
        (None, None) => unknown(),
    }
}

fn cut_offs(all: &CutOffsView) -> String {
    format!("{} in Brussels on {}", all.at, listed(&all.days))
}

fn offer(offer: &OfferView) -> String {
    let OfferView { system, state, .. } = offer;
    let since = offer.since.map(|it| format!(" since {it}"));
    let until = offer.until.map(|it| format!(", until {it}"));
    let why = offer.why.as_ref().map(|it| format!(": {it}"));
    let more: String = [since, until, why].into_iter().flatten().collect();
    format!("{system} {state}{more}")
}

fn duty(duty: &DutyView) -> String {
    let kind = spaced(&duty.kind);
    match duty.months_after_end {
        Some(months) => format!("{kind}, {months} months after the end"),
        None => kind,
    }
}

/// Two days where holidays on the way are uncertain.
pub(super) fn due(due: &DueView) -> String {
    if due.on == due.at_latest {
        return due.on.to_string();
    }
    format!("{} or {}", due.on, due.at_latest)
}

fn listed(items: &[impl ToString]) -> String {
    let items: Vec<String> = items.iter().map(|it| spaced(&it.to_string())).collect();
    if items.is_empty() {
        "-".to_owned()
    } else {
        items.join(", ")
    }
}

fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

fn unknown() -> String {
    "not known".to_owned()
}
