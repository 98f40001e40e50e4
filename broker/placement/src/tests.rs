mod any;
mod clauses;
mod federation;
mod forecasts;
mod properties;
mod ranking;
mod shipped;
