mod any;
mod clauses;
mod controls;
mod federation;
mod forecasts;
mod properties;
mod ranking;
mod shipped;
