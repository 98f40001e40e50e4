//! The figures, one line each, as `BENCHMARKS.md` has them.

use std::time::Duration;

#[expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

pub(crate) fn heading() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let profile = if cfg!(debug_assertions) {
        "DEBUG: not for comparing"
    } else {
        "release"
    };
    line(&format!(
        "{cores} cores, build {profile}, load average {}",
        load_average()
    ));
}

pub(crate) fn footing() {
    line(&format!("load average at the end {}", load_average()));
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

pub(crate) fn section(name: &str) {
    line(&format!("\n{name}"));
}

pub(crate) fn figure(name: &str, value: &str) {
    line(&format!("  {name:<58} {value:>16}"));
}

pub(crate) fn rate(name: &str, per_second: f64) {
    figure(name, &format!("{per_second:.0}/s"));
}

pub(crate) fn time(name: &str, took: Duration) {
    figure(name, &format!("{:.2} ms", took.as_secs_f64() * 1000.0));
}

/// A figure beside its mark.
pub(crate) fn mark(name: &str, value: f64, least: f64) {
    let met = if value >= least { "met" } else { "NOT MET" };
    figure(
        &format!("{name} (mark: {least} or more)"),
        &format!("{value:.3} {met}"),
    );
}

pub(crate) fn mark_below(name: &str, value: f64, most: f64, unit: &str) {
    let met = if value < most { "met" } else { "NOT MET" };
    figure(
        &format!("{name} (mark: under {most} {unit})"),
        &format!("{value:.1} {unit} {met}"),
    );
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Processor time of an answer, server and load together: bare, and the broker's.
pub(crate) fn cpu(times: Vec<(Duration, Duration)>) {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let bare = median(times.iter().map(|(bare, _)| micros(*bare)).collect());
    let whole = median(times.into_iter().map(|(_, whole)| micros(whole)).collect());
    figure(
        "processor time of an answer with its load, bare and broker",
        &format!("{bare:.1}, {whole:.1} µs"),
    );
}
