//! What every adapter must do, as tests over `&dyn SiteAdapter`.
