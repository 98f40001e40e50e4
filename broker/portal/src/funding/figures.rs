//! Who used how much in a period, and how long access took.

use broker_model::{AccessTimes, GpuMillis, Indicators, Spread, UsedPart};
use policy_engine::TitleKind;

use super::percent;
use crate::texts::Texts;
use crate::titles::Titles;
use crate::words;

pub(super) struct Found {
    pub(super) gpu: String,
    pub(super) organisations: String,
    /// What the ten that used most have of the whole.
    pub(super) top: Option<String>,
    /// What counts by the present of its organisations, if anything does.
    pub(super) by_present: Option<String>,
    pub(super) parts: Vec<Parts>,
    pub(super) access: Vec<Access>,
}

/// A whole in its parts, by one of their properties.
pub(super) struct Parts {
    pub(super) heading: &'static str,
    pub(super) rows: Vec<[String; 4]>,
}

pub(super) struct Access {
    pub(super) share: String,
    pub(super) applications: String,
    pub(super) accepted: String,
    pub(super) rejected: String,
    pub(super) waiting: String,
    pub(super) times: [String; 4],
}

impl Found {
    pub(super) fn new(titles: Titles<'_>, of: &Indicators) -> Self {
        let texts = titles.texts;
        let size = |it: &str| texts.word(it);
        let by_title = |kind: TitleKind| {
            move |it: &str| match it {
                "not_said" => texts.word(it),
                code => titles.of(kind, code),
            }
        };
        let (country, sector) = (by_title(TitleKind::Country), by_title(TitleKind::Sector));
        let parts = [
            Parts::new("funding.by_size", (texts, &of.by_size), size),
            Parts::new("funding.by_country", (texts, &of.by_country), country),
            Parts::new("funding.by_sector", (texts, &of.by_sector), sector),
        ];
        Self {
            gpu: of.gpu.to_string(),
            organisations: words::count(of.organisations),
            top: of.top_10_permille.map(|it| percent(it.into())),
            by_present: (of.gpu_by_present > GpuMillis::ZERO)
                .then(|| of.gpu_by_present.to_string()),
            parts: parts.into_iter().filter(|it| !it.rows.is_empty()).collect(),
            access: of.access.iter().map(|it| Access::new(titles, it)).collect(),
        }
    }
}

impl Parts {
    fn new(
        heading: &'static str,
        (texts, parts): (Texts, &[UsedPart]),
        name: impl Fn(&str) -> String,
    ) -> Self {
        let row = |it: &UsedPart| {
            [
                name(&it.of),
                it.gpu.to_string(),
                percent(it.permille.into()),
                words::count(it.organisations),
            ]
        };
        Self {
            heading: texts.of(heading),
            rows: parts.iter().map(row).collect(),
        }
    }
}

impl Access {
    fn new(titles: Titles<'_>, it: &AccessTimes) -> Self {
        let texts = titles.texts;
        let median = |of: Option<Spread>| {
            of.map_or_else(
                || "–".to_owned(),
                |it| {
                    let (hours, count) = (words::count(it.median_hours), words::count(it.count));
                    texts.with("funding.hours_of", &[("hours", &hours), ("count", &count)])
                },
            )
        };
        Self {
            share: words::share(titles, &it.share),
            applications: words::count(it.applications),
            accepted: words::count(it.accepted),
            rejected: words::count(it.rejected),
            waiting: words::count(it.waiting),
            times: [
                median(it.decision),
                median(it.account),
                median(it.first_job),
                median(it.whole),
            ],
        }
    }
}
