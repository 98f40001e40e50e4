//! What must hold between the files of a directory.

use std::collections::BTreeSet;
use std::fmt::Display;

use broker_model::is_country;

use super::read::{CENTRES, FINANCE, RANKING, SECTORS, SERVICES};
use super::{CentreKind, Directory, DirectoryError, SupportCentre, Titles, named};
use crate::contact::rank::Weights;
use crate::contact::words::ReasonCode;

/// A field, the codes in it, and whether one is known.
type Codes<'a> = (&'a str, Vec<String>, &'a dyn Fn(&str) -> bool);
type Checked = Result<(), DirectoryError>;

/// No centre answers slower than this, or nobody would notice that it never does.
const LONGEST_CLOCK: u32 = 60;

pub(super) fn all(directory: &Directory) -> Checked {
    directory.words.check()?;
    weights(directory)?;
    unique(SECTORS, directory.sectors.iter().map(|it| &it.code))?;
    unique(SERVICES, directory.services.iter().map(|it| &it.kind))?;
    unique(FINANCE, directory.finance.iter().map(|it| &it.id))?;
    unique(CENTRES, directory.centres.iter().map(|it| it.id.as_str()))?;
    titles(directory)?;
    sources(directory)?;
    for centre in &directory.centres {
        kind(directory, centre)?;
        facts(directory, centre)?;
    }
    Ok(())
}

fn weights(directory: &Directory) -> Checked {
    let weights = &directory.weights;
    if weights.uncertain_percent.value > 100 {
        let reason = "what is uncertain would count for more than what is certain";
        return Err(DirectoryError::new(RANKING, reason).at("uncertain_percent", "value"));
    }
    for code in ReasonCode::ALL {
        if code.is_weighed() != weights.weights.contains_key(&code) {
            let reason = if code.is_weighed() {
                "has no weight; 0 would do"
            } else {
                "is no matter of weight"
            };
            return Err(DirectoryError::new(RANKING, reason).at("weights", code.as_str()));
        }
    }
    Ok(())
}

/// That a source is blank is no more than that it is missing.
fn sources(directory: &Directory) -> Checked {
    let sectors = directory.sectors.iter();
    let sectors = sectors.map(|it| (SECTORS, it.code.as_str(), "source", &it.source));
    let services = directory.services.iter();
    let services = services.map(|it| (SERVICES, it.kind.as_str(), "source", &it.source));
    let finance = directory.finance.iter();
    let finance = finance.map(|it| (FINANCE, it.id.as_str(), "source", &it.source));
    let Weights {
        uncertain_percent,
        weights,
    } = &directory.weights;
    let uncertain = (
        RANKING,
        "uncertain_percent",
        "source",
        &uncertain_percent.source,
    );
    let weights = weights.iter();
    let weights = weights.map(|(code, it)| (RANKING, "weights", code.as_str(), &it.source));
    let mut all = sectors
        .chain(services)
        .chain(finance)
        .chain(weights)
        .chain([uncertain]);
    match all.find(|(.., source)| source.trim().is_empty()) {
        None => Ok(()),
        Some((file, entry, field, _)) => {
            Err(DirectoryError::new(file, "names no source").at(entry, field))
        }
    }
}

fn unique<T: Display>(file: &str, ids: impl Iterator<Item = T>) -> Checked {
    let mut seen = BTreeSet::new();
    for id in ids.map(|it| it.to_string()) {
        if seen.contains(&id) {
            return Err(DirectoryError::new(file, "stands twice").at(&id, "id"));
        }
        seen.insert(id);
    }
    Ok(())
}

/// Everything that is shown has a title in each language that words are in.
fn titles(directory: &Directory) -> Checked {
    let one = |file: &str, entry: &str, field: &str, titles: &Titles| -> Checked {
        let is_said = |language: &&str| titles.get(*language).is_none_or(|it| it.trim().is_empty());
        match directory.words.written_in().find(is_said) {
            None => Ok(()),
            Some(language) => {
                let reason = format!("says nothing in `{language}`");
                Err(DirectoryError::new(file, reason).at(entry, field))
            }
        }
    };
    for sector in &directory.sectors {
        one(SECTORS, &sector.code, "title", &sector.title)?;
    }
    for service in &directory.services {
        one(SERVICES, &service.kind, "title", &service.title)?;
    }
    for finance in &directory.finance {
        one(FINANCE, &finance.id, "title", &finance.title)?;
        one(FINANCE, &finance.id, "what", &finance.what)?;
        one(FINANCE, &finance.id, "for_whom", &finance.for_whom)?;
        if let Some(link) = &finance.link {
            address(link).map_err(|it| {
                DirectoryError {
                    file: FINANCE.to_owned(),
                    ..it
                }
                .at(&finance.id, "link")
            })?;
        }
    }
    Ok(())
}

fn kind(directory: &Directory, centre: &SupportCentre) -> Checked {
    let wrong = |field: &str, reason: String| {
        Err(DirectoryError::new(CENTRES, reason).at(centre.id.as_str(), field))
    };
    if centre.kind != CentreKind::Factory && centre.site.is_some() {
        return wrong("site", "belongs to a factory".to_owned());
    }
    if centre.kind != CentreKind::Antenna && !centre.factories.is_empty() {
        return wrong("factories", "only an antenna hangs on factories".to_owned());
    }
    for id in named(&centre.factories) {
        let found = directory.centre(&id).map(|it| it.kind);
        if found != Some(CentreKind::Factory) {
            return wrong("factories", format!("there is no factory `{id}`"));
        }
    }
    Ok(())
}

fn facts(directory: &Directory, centre: &SupportCentre) -> Checked {
    let wrong = |field: &str, reason: String| {
        Err(DirectoryError::new(CENTRES, reason).at(centre.id.as_str(), field))
    };
    let unknown = |list: Vec<String>, is_known: &dyn Fn(&str) -> bool| {
        list.into_iter().find(|it| !is_known(it))
    };
    let countries = named(&centre.countries);
    let countries = [vec![centre.country.clone()], countries].concat();
    let lists: [Codes<'_>; 4] = [
        ("services", named(&centre.services), &|it| {
            directory.service(it).is_some()
        }),
        ("sectors", named(&centre.sectors), &|it| {
            directory.sector(it).is_some()
        }),
        ("languages", named(&centre.languages), &|it| {
            directory.languages().contains(it)
        }),
        ("countries", countries, &is_country),
    ];
    for (field, list, is_known) in lists {
        if let Some(code) = unknown(list, is_known) {
            return wrong(field, format!("`{code}` is not known"));
        }
    }
    if let Some(page) = &centre.page {
        address(&page.value).map_err(|it| it.at(centre.id.as_str(), "page"))?;
    }
    match &centre.acknowledge_within {
        Some(days) if !(1..=LONGEST_CLOCK).contains(&days.value) => wrong(
            "acknowledge_within",
            format!(
                "{} is not between 1 and {LONGEST_CLOCK} working days",
                days.value
            ),
        ),
        _ => Ok(()),
    }
}

fn address(text: &str) -> Checked {
    let is_web = url::Url::parse(text).is_ok_and(|it| it.scheme() == "https" && it.has_host());
    if is_web {
        return Ok(());
    }
    let reason = format!("`{}` is no `https://` address", text.escape_debug());
    Err(DirectoryError::new(CENTRES, reason))
}
