use policy_engine::Sourced;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Directory, DirectoryError, Finance, Sector, Service, SupportCentre, check};
use crate::contact::rank::Weights;
use crate::contact::words::{Catalogue, Words};

pub(super) const CENTRES: &str = "centres.toml";
pub(super) const SECTORS: &str = "sectors.toml";
pub(super) const SERVICES: &str = "services.toml";
pub(super) const FINANCE: &str = "finance.toml";
pub(super) const RANKING: &str = "ranking.toml";

/// The texts of the files of a directory; whoever has them read them.
#[derive(Clone, Copy, Debug)]
pub struct DirectoryTexts<'t> {
    pub centres: &'t str,
    pub sectors: &'t str,
    pub services: &'t str,
    pub finance: &'t str,
    pub ranking: &'t str,
    /// `words.<language>.toml` with the name of each, the first one the language to fall back to.
    pub words: &'t [(&'t str, &'t str)],
}

const SHIPPED: DirectoryTexts<'static> = DirectoryTexts {
    centres: include_str!("../../../../../config/contact/centres.toml"),
    sectors: include_str!("../../../../../config/contact/sectors.toml"),
    services: include_str!("../../../../../config/contact/services.toml"),
    finance: include_str!("../../../../../config/contact/finance.toml"),
    ranking: include_str!("../../../../../config/contact/ranking.toml"),
    words: &[
        (
            "words.en.toml",
            include_str!("../../../../../config/contact/words.en.toml"),
        ),
        (
            "words.fr.toml",
            include_str!("../../../../../config/contact/words.fr.toml"),
        ),
    ],
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CentresFile {
    platform: Platform,
    centre: Vec<SupportCentre>,
}

/// What holds for a centre that has not said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Platform {
    acknowledge_within: Sourced<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SectorsFile {
    sector: Vec<Sector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServicesFile {
    service: Vec<Service>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FinanceFile {
    finance: Vec<Finance>,
}

impl DirectoryTexts<'static> {
    /// Those built into the program.
    pub const fn shipped() -> Self {
        SHIPPED
    }
}

impl Directory {
    /// The directory built into the program.
    pub fn shipped() -> Result<Self, DirectoryError> {
        Self::read(&SHIPPED)
    }

    /// Reads a directory and checks that all of it holds together.
    pub fn read(texts: &DirectoryTexts<'_>) -> Result<Self, DirectoryError> {
        let CentresFile { platform, centre } = parse(CENTRES, texts.centres)?;
        let sectors: SectorsFile = parse(SECTORS, texts.sectors)?;
        let services: ServicesFile = parse(SERVICES, texts.services)?;
        let finance: FinanceFile = parse(FINANCE, texts.finance)?;
        let weights: Weights = parse(RANKING, texts.ranking)?;
        let catalogues = texts
            .words
            .iter()
            .map(|(name, text)| Ok(((*name).to_owned(), parse::<Catalogue>(name, text)?)));
        let words = Words::new(catalogues.collect::<Result<_, DirectoryError>>()?);
        let fallback = |mut centre: SupportCentre| {
            let within = centre.acknowledge_within.take();
            centre.acknowledge_within = Some(within.unwrap_or(platform.acknowledge_within.clone()));
            centre
        };
        let directory = Self {
            centres: centre.into_iter().map(fallback).collect(),
            sectors: sectors.sector,
            services: services.service,
            finance: finance.finance,
            weights,
            words,
        };
        check::all(&directory)?;
        Ok(directory)
    }
}

fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, DirectoryError> {
    toml::from_str(text).map_err(|error| {
        let words = error.to_string();
        DirectoryError::new(file, words.trim_end().replace('\n', " "))
    })
}
